"""What etolwatch costs, measured: ``make bench``, or ``python bench/run.py``. See run.py."""
