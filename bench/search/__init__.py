"""What the search costs and finds, part by part.

python -m bench.search --clips CLIPS --out RUNS --parts overhead,cheap,workers,validation,cluster
"""
