"""Images of any size, segmented block by block through files."""
