"""The Python door: what `import tuner` offers to notebooks and training loops.

It stands beside the command line and on the same functions. Nothing in `tuner` imports it but
`tuner/__init__`, when one of its names is asked for.
"""
