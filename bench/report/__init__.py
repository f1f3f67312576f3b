"""What the report costs, and whether its intervals hold the truth.

python -m bench.report.intervals, python -m bench.report.page
"""
