"""The teacher's answers as labels of new rows, which may mean something else than what they were made from."""

from dataclasses import replace

import numpy as np

from contract.progress import note
from infer.tasks import classification
from infer.tasks.classification import Logits
from infer.tasks.rows import Rows


def relabel(rows: Rows, logits_NC: Logits) -> Rows:
    """Return rows with the teacher's answers as their labels, and tell how many labels it kept.

    Args:
        rows: N new rows.
        logits_NC: the teacher's; where labels are fractional its only output is the label.
    """
    if np.issubdtype(rows.labels_N.dtype, np.floating):
        return replace(rows, labels_N=logits_NC[:, 0].astype(np.float32))
    labels_N = classification.decode(logits_NC)
    note(f"the teacher keeps the label of {(labels_N == rows.labels_N).mean():.1%} of {len(rows)} new rows")
    return replace(rows, labels_N=labels_N)
