"""Files in and out: images, annotations, label images and bundles."""
