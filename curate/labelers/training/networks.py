"""The networks of a kind of input: each fold's, and the one of all pages."""

from __future__ import annotations

import numpy as np

from curate.labelers.batch import Floats, Ints
from curate.labelers.features import feature_names
from curate.labelers.net import N_NET_OUTPUTS, NetModel, run_net
from curate.labelers.pagetype import TYPE_NAMES
from curate.labelers.training.fit import KindData
from curate.labelers.training.heads import FitOptions, FittedHead, Log
from curate.labelers.training.net import NetTargets, fit_net

__all__ = ["fit_nets"]

AROUND = ("before", "after", "around", "previous", "next", "run_", "rhythm", "mark_")
"""Features of bare text that tell of the lines around; the network looks there itself."""


def fit_nets(
    columns: Floats,
    data: KindData,
    targets: NetTargets,
    page_fold: Ints,
    main: FittedHead,
    labels: FittedHead,
    options: FitOptions,
    log: Log,
) -> tuple[NetModel, Floats]:
    """The network of all pages, and out-of-fold log-odds.

    For HTML it reads what the trees read, so that nothing more is computed; for
    bare text what a line shows by itself, and levels of it.
    """
    names = [*feature_names(data.html), *TYPE_NAMES]
    if data.html:
        kept = np.union1d(main.columns, labels.columns)
        with_levels = np.zeros(0, np.int64)
    else:
        own = [at for at, name in enumerate(feature_names(False)) if not name.startswith(AROUND)]
        kept = np.array(own, np.int64)
        with_levels = np.arange(len(kept))
    narrow = np.ascontiguousarray(columns[:, kept])
    told = tuple(names[at] for at in kept.tolist())
    sizes = data.sizes
    stop = np.cumsum(sizes)
    first = stop - sizes
    size = options.html_net if data.html else options.text_net

    def fit(pages: Ints) -> NetModel:
        return fit_net(narrow, told, with_levels, targets, first, stop, pages, size, options.seed)

    out = np.zeros((len(data), N_NET_OUTPUTS), np.float32)
    for number in range(int(page_fold.max()) + 1):
        net = fit(np.flatnonzero(page_fold != number))
        for page in np.flatnonzero(page_fold == number).tolist():
            here = slice(int(first[page]), int(stop[page]))
            bounds = np.array([0]), np.array([sizes[page]])
            out[here] = run_net(net, narrow[here].T, *bounds)
        log(f"network: fold {number + 1}")
    return fit(np.arange(len(sizes))), out
