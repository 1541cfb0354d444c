"""Diffusers-format checkpoints of Stable Diffusion 1.x, 2.x and XL -> ONNX folders with fused operators.

    python3 -m training.export --checkpoint DIR --out DIR --target cuda        from the repository's root

The models are plain PyTorch (`unet`, `vae`, `clip`), and `*_graph` writes each of them as ONNX, operator by operator.
"""
