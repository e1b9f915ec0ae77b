"""The Label Studio half: server, sync, agreement, consensus."""
