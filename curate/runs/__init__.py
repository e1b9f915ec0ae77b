"""What all stages share: store, fingerprints, engines, passports."""
