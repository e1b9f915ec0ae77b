"""A table of features with one row a column name, of which only the wanted ones are worked out.

Training reads every feature, a model some three hundred: what nobody reads is not
computed. Features stand in rows because each is made, compared and read as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints

__all__ = ["Plan", "Sheet"]


class Plan:
    """Which features are wanted, and where they stand.

    Attributes:
        names: the wanted features in order.
        where: their rows.
    """

    def __init__(
        self,
        groups: Iterable[tuple[str, Sequence[str]]],
        wanted: Collection[str] | None = None,
    ) -> None:
        """Lay out the wanted ones.

        Args:
            groups: name of each group and of its features, in order.
            wanted: names of features; None for all.
        """
        self.names: list[str] = []
        self._parts: dict[str, tuple[Ints, slice]] = {}
        for group, names in groups:
            kept = [at for at, name in enumerate(names) if wanted is None or name in wanted]
            begin = len(self.names)
            self.names += [names[at] for at in kept]
            self._parts[group] = np.array(kept, np.int64), slice(begin, len(self.names))
        self.where = {name: row for row, name in enumerate(self.names)}

    def of(self, group: str) -> Ints:
        """Numbers within the group of those that are wanted."""
        return self._parts[group][0]

    def rows(self, group: str) -> slice:
        """Where the wanted ones of a group stand."""
        return self._parts[group][1]


class Sheet:
    """The wanted features of a batch.

    Attributes:
        plan: which ones.
        values: float32 [n_wanted, n_segments].
    """

    def __init__(self, plan: Plan, n: int) -> None:
        self.plan = plan
        self.values: Floats = np.empty((len(plan.names), n), np.float32)

    def wants(self, group: str) -> bool:
        """Whether any feature of a group is wanted."""
        return len(self.plan.of(group)) > 0

    def rows(self, group: str) -> Floats:
        """Where the wanted features of a group go, float32 [n_wanted, n_segments]."""
        return self.values[self.plan.rows(group)]

    def put(self, group: str, block: npt.NDArray[np.floating]) -> None:
        """Take the wanted ones of a whole group, [n_group, n_segments]."""
        wanted = self.plan.of(group)
        self.rows(group)[:] = block if len(wanted) == len(block) else block[wanted]

    def put_each(self, group: str, *features: npt.NDArray[np.generic]) -> None:
        """The same for a group whose features come one by one."""
        rows = self.rows(group)
        for row, at in zip(rows, self.plan.of(group).tolist(), strict=True):
            row[:] = features[at]
