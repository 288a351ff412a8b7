"""Cells on the seams of tiles are the cells of the whole image."""

from __future__ import annotations

import numpy as np
import torch

from napari_metaseg.core.evidence import fit_evidence, network_input
from napari_metaseg.core.filters import filter_bank
from napari_metaseg.core.generators import exhaust
from napari_metaseg.core.inner_loop import Context, run
from napari_metaseg.core.metrics import iou_matrix
from napari_metaseg.core.network import PrototypeUNet
from napari_metaseg.core.plane_output import PlaneOutput
from napari_metaseg.core.settings import DecodeSettings
from napari_metaseg.core.tiles import predict
from napari_metaseg.data.synthetic import sample_scene
from napari_metaseg.io.bundle import load_bundle


def test_every_instance_of_small_tiles_is_one_of_the_whole_image() -> None:
    bundle = load_bundle("maml")
    network = PrototypeUNet(bundle.architecture)
    scene = sample_scene("fluorescence", size=(400, 360))
    image = (scene.image / scene.image.max()).astype(np.float32)[None]
    painted = torch.from_numpy(scene.masks == 1)[None].float()
    evidence, _ = fit_evidence(
        filter_bank(torch.from_numpy(image)[None]),
        painted,
        torch.zeros_like(painted),
        painted,
    )
    torch.manual_seed(0)
    prototype = torch.randn(network.prototype_size) / 10
    inputs = network_input(torch.from_numpy(image[None, :, :96, :96]), None)
    moments = run(network, bundle.params, inputs).moments
    context = Context(moments, prototype, evidence)

    def instances(tile: int) -> np.ndarray:
        maps = exhaust(predict(network, bundle.params, image, context, tile=tile))
        # The median as threshold and much splitting give many instances, whatever
        # was drawn.
        middle = float(np.clip(np.median(maps[0]), 0.01, 0.99))
        output = PlaneOutput(maps, (400, 360), bundle.diameter)
        return output.instances(DecodeSettings(threshold=round(middle, 3), split=0.8))

    tiled, whole = instances(64), instances(1024)

    iou = iou_matrix(whole, tiled)
    assert min(iou.shape) > 5, "there must be cells on the seams"
    assert (iou.max(0) >= 0.98).all()
    assert (iou.max(1) >= 0.98).all()
