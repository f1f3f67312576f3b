"""The truth of the score: the quality model beside ViSQOL v3 and Zimtohrli, in one table.

python -m bench.truth --clips CLIPS --work WORK [--parts gauntlet,perception,...]
"""
