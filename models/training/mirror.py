"""The deployed Keras model in PyTorch, to be trained as int8 will compute it.

Every tensor of the int8 file has a range of its own (scale and zero point); `Mirror` rounds each of them and each
kernel as TFLite does, and passes gradients straight through (Jacob et al., CVPR 2018). Batch norms are folded already,
so what is trained is exactly what is exported.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .steps import INPUT_RANGE, Ranges, Step, Weights, convolves

_NUDGE = 1e-4
"""Part of a step: more than float32 errs by, and less than anything but a tie is turned by."""


class Mirror(nn.Module):
    """The layers of `steps` with `weights`; rounded as int8 where `ranges` is given."""

    def __init__(self, steps: list[Step], weights: Weights, outputs: tuple[str, ...], source: str) -> None:
        """`source` is the name of the input layer."""
        super().__init__()
        self._steps = steps
        self._outputs = outputs
        self._source = source
        self._last_use = {name: step.name for step in steps for name in step.sources}
        # Channels differ in size a hundredfold where batch norms were folded in. Each weight is trained in parts of
        # what is usual for its channels, so that one learning rate suits them all.
        self.kernels = nn.ParameterDict()
        self.biases = nn.ParameterDict()
        self._kernel_sizes = nn.ParameterDict()
        self._bias_sizes = nn.ParameterDict()
        for step in steps:
            if convolves(step):
                kernel, *bias = (weights[f"{step.name}/{n}"] for n in range(2) if f"{step.name}/{n}" in weights)
                axes = (2, 3, 0, 1) if step.kind == "depthwise" else (3, 2, 0, 1)
                key, value = _key(step.name), torch.tensor(kernel.transpose(axes)).contiguous()
                self._kernel_sizes[key] = _fixed(_usual_size(value))
                self.kernels[key] = nn.Parameter(value / self._kernel_sizes[key])
                if bias:
                    self._bias_sizes[key] = _fixed(value.square().sum((1, 2, 3)).sqrt().clamp(min=1e-6))
                    self.biases[key] = nn.Parameter(torch.tensor(bias[0]) / self._bias_sizes[key])

    def weights(self) -> Weights:
        """The weights now, in Keras' order."""
        found: Weights = {}
        for step in self._steps:
            key = _key(step.name)
            if key in self.kernels:
                axes = (2, 3, 0, 1) if step.kind == "depthwise" else (2, 3, 1, 0)
                found[f"{step.name}/0"] = self._kernel(key).detach().cpu().numpy().transpose(axes)
            if key in self.biases:
                found[f"{step.name}/1"] = self._bias(key).detach().cpu().numpy()
        return found

    def forward(self, image: torch.Tensor, ranges: Ranges | None = None) -> list[torch.Tensor]:
        """(N, 3, H, W) -1..1 to the output maps (N, C, H/4, W/4). With `ranges` all tensors in it are rounded."""
        found = {name: value for name, value in self.run(image, ranges) if name in self._outputs}
        return [found[name] for name in self._outputs]

    def run(self, image: torch.Tensor, ranges: Ranges | None) -> Iterator[tuple[str, torch.Tensor]]:
        """Name and value of every tensor, one after the other."""
        image = image if ranges is None else taken(image)
        held = {self._source: image}
        yield self._source, image
        for step in self._steps:
            value = self.value_of(step, [held[name] for name in step.sources], rounding=ranges is not None)
            if ranges is not None and step.name in ranges:
                value = rounded(value, ranges[step.name])
            held[step.name] = value
            yield step.name, value
            for name in step.sources:
                if self._last_use[name] == step.name:
                    held.pop(name, None)

    def value_of(self, step: Step, values: list[torch.Tensor], *, rounding: bool) -> torch.Tensor:
        """What a layer makes of `values`; with `rounding` its kernel is rounded, its output is not yet."""
        if convolves(step):
            value = self._convolve(step, values[0], rounding)
        elif step.kind == "add":
            value = values[0] + values[1]
        elif step.kind == "upsample":
            value = functional.interpolate(values[0], scale_factor=2, mode="bilinear", align_corners=False)
        elif step.kind == "concat":
            value = torch.cat(values, 1)
        elif step.kind == "sigmoid":
            value = torch.sigmoid(values[0])
        else:
            value = values[0]
        if step.ceiling is None:
            return value
        return functional.relu(value) if step.ceiling == np.inf else functional.hardtanh(value, 0.0, step.ceiling)

    def shift_bias(self, step: Step, shift: torch.Tensor) -> None:
        """Adds (C,) `shift` to the biases of a convolution."""
        key = _key(step.name)
        with torch.no_grad():
            self.biases[key] += shift / self._bias_sizes[key]

    def kernel(self, step: Step) -> torch.Tensor:
        """(O, I, k, k) the kernel of a convolution now, not rounded; of a depthwise one I is 1."""
        return self._kernel(_key(step.name)).detach()

    def set_kernel(self, step: Step, kernel: torch.Tensor) -> None:
        """The reverse of kernel."""
        key = _key(step.name)
        with torch.no_grad():
            self.kernels[key].copy_(kernel / self._kernel_sizes[key])

    def _kernel(self, key: str) -> torch.Tensor:
        return self.kernels[key] * self._kernel_sizes[key]

    def _bias(self, key: str) -> torch.Tensor:
        return self.biases[key] * self._bias_sizes[key]

    def _convolve(self, step: Step, value: torch.Tensor, rounding: bool) -> torch.Tensor:
        key = _key(step.name)
        kernel = self._kernel(key)
        bias = self._bias(key) if key in self.biases else None
        if rounding:
            kernel = _rounded_kernel(kernel)
        groups = value.shape[1] if step.kind == "depthwise" else 1
        return functional.conv2d(padded(step, value, kernel.shape[-1]), kernel, bias, step.stride, groups=groups)


def padded(step: Step, value: torch.Tensor, side: int) -> torch.Tensor:
    """(N, C, H, W) with zeros around it as a convolution by a kernel of that side wants them."""
    # TensorFlow's `same` puts the odd pixel after the picture.
    before, after = (side // 2, side // 2) if step.stride == 1 else (0, 1)
    return functional.pad(value, (before, after, before, after)) if after else value


def _usual_size(kernel: torch.Tensor) -> torch.Tensor:
    """(O, I, 1, 1) how large weights from input channel I to output channel O are, by the means of both."""
    squares = kernel.square().mean((2, 3), keepdim=True) + 1e-12
    return (squares.mean(0, keepdim=True) * squares.mean(1, keepdim=True) / squares.mean()).sqrt()


def _fixed(value: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(value, requires_grad=False)


def grid_of(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point (0-255) of a range, moved so that 0 is exact, as TensorFlow's fake_quant moves it."""
    scale = (high - low) / 255
    return scale, round(min(max(-low / scale, 0), 255))


def rounded(value: torch.Tensor, limits: tuple[float, float]) -> torch.Tensor:
    """`value` as an int8 tensor of that range says it; what lies half-way goes up, as XNNPACK's enlarging has it."""
    scale, zero_point = grid_of(*limits)
    return torch.fake_quantize_per_tensor_affine(value + _NUDGE * scale, scale, zero_point, 0, 255)


def taken(image: torch.Tensor) -> torch.Tensor:
    """A picture -1..1 as the int8 file takes it: byte b, (b - 127.5) / 127.5 in float, is (b - 128) / 127.5 there."""
    scale, _ = grid_of(*INPUT_RANGE)
    return rounded(image - scale / 2, INPUT_RANGE)


def _rounded_kernel(kernel: torch.Tensor) -> torch.Tensor:
    """Symmetric, one scale an output channel, as TFLite rounds kernels."""
    scale = kernel.detach().abs().amax((1, 2, 3)).clamp(min=1e-9) / 127
    zero = torch.zeros(len(scale), dtype=torch.int32, device=kernel.device)
    return torch.fake_quantize_per_channel_affine(kernel, scale, zero, 0, -127, 127)


def _key(name: str) -> str:
    """A parameter's name: it can't hold dots, nor be that of a method."""
    return "of " + name.replace(".", "/")
