"""What is done with an answer: play, encode, export, compare, exhibits."""
