"""The one error of the training scripts."""


class TrainingError(Exception):
    """Something the person at the keyboard can put right; the message is one sentence that says how."""
