"""Words that sentences for a person are made of."""


def counted(n: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "cell"), counted(2, "cell")
    ('1 cell', '2 cells')
    """
    return f"{n} {noun}{'' if n == 1 else 's'}"
