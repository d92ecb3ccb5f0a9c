"""The weights of a module, whatever class holds them: as stored, as plain numbers, as bytes in memory.

torch keeps the weights of its quantised layers in packed objects and torchao in tensor subclasses;
counting ``parameters()`` misses the former and miscounts the latter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..datasets.errors import InputError
from ..models.extras import quiet
from ..told import tell

QUANTISED = "#int"
SCALES, ZEROS = "#scale", "#zero"


def _packed(module: Any) -> bool:
    return type(module).__module__.startswith("torch.ao.nn.quantized")


def _holders(module: Any) -> Iterator[tuple[str, Any]]:
    """The modules that hold weights themselves, without what lies inside packed ones."""
    inside: tuple[str, ...] = ()
    for name, part in module.named_modules():
        if inside and name.startswith(inside):
            continue
        if _packed(part):
            inside = (*inside, f"{name}.")
        yield name, part


def _own(name: str, part: Any) -> Iterator[tuple[str, Any]]:
    """A module's own parameters and persistent buffers."""
    prefix = f"{name}." if name else ""
    for key, value in part._parameters.items():
        if value is not None:
            yield prefix + key, value.detach()
    for key, value in part._buffers.items():
        if value is not None and key not in part._non_persistent_buffers_set:
            yield prefix + key, value


def _subclass(tensor: Any) -> bool:
    return type(tensor).__module__.startswith("torchao")


def stored(module: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a module's state as plain tensors, and what is needed to put it back.

    Returns
    -------
    tensors : dict of str to torch.Tensor
    told : dict
        ``torchao``: metadata of tensor subclasses; ``tied``: names that share another's tensor.
    """
    import torch

    tensors: dict[str, Any] = {}
    subclasses: dict[str, Any] = {}
    tied: dict[str, str] = {}
    seen: dict[Any, str] = {}
    for name, part in _holders(module):
        if _packed(part):
            weight = part.weight()
            bias = part.bias() if callable(getattr(part, "bias", None)) else None
            tensors[f"{name}.weight{QUANTISED}"] = weight.int_repr()
            if weight.qscheme() in (torch.per_channel_affine, torch.per_channel_affine_float_qparams):
                tensors[f"{name}.weight{SCALES}"] = weight.q_per_channel_scales()
                tensors[f"{name}.weight{ZEROS}"] = weight.q_per_channel_zero_points()
            else:
                tensors[f"{name}.weight{SCALES}"] = torch.tensor(weight.q_scale(), dtype=torch.float64)
                tensors[f"{name}.weight{ZEROS}"] = torch.tensor(weight.q_zero_point(), dtype=torch.int64)
            if bias is not None:
                tensors[f"{name}.bias"] = bias.detach()
            continue
        for key, tensor in _own(name, part):
            if _subclass(tensor):
                subclasses[key] = tensor
                continue
            place = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
            if tensor.numel() and place in seen:
                tied[key] = seen[place]
                continue
            seen[place] = key
            tensors[key] = tensor
    told: dict[str, Any] = {"tied": tied}
    if subclasses:
        from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict

        with quiet():
            flat, told["torchao"] = flatten_tensor_state_dict(subclasses)
        tensors |= flat
    return {name: t.contiguous().cpu() for name, t in tensors.items()}, told


def restore(module: Any, tensors: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Put stored tensors into a module of the same shape; InputError where they do not fit."""
    left = dict(tensors)
    subclasses: dict[str, Any] = {}
    if "torchao" in told:
        from torchao.prototype.safetensors.safetensors_support import unflatten_tensor_state_dict

        with quiet():
            subclasses, left = unflatten_tensor_state_dict(left, dict(told["torchao"]))
    for name, part in _holders(module):
        if _packed(part):
            _restore_packed(name, part, left)
            continue
        for key, tensor in list(_own(name, part)):
            own = key.rpartition(".")[2]
            found = subclasses.pop(key, None)
            if found is None:
                source = told.get("tied", {}).get(key, key)
                found = tensors.get(source)
                left.pop(key, None)
            if found is None or tuple(found.shape) != tuple(tensor.shape):
                shape = None if found is None else tuple(found.shape)
                raise InputError(
                    f"the artefact does not fit: {key}: expected {tuple(tensor.shape)}, got {shape}"
                )
            _assign(part, own, found)
    if left or subclasses:
        raise InputError(
            f"the artefact does not fit: the module has no place for {next(iter({**left, **subclasses}))}"
        )


def _assign(part: Any, name: str, value: Any) -> None:
    import torch

    if name in part._parameters:
        part._parameters[name] = torch.nn.Parameter(value, requires_grad=False)
    else:
        part._buffers[name] = value


def _restore_packed(name: str, part: Any, left: dict[str, Any]) -> None:
    import torch

    try:
        numbers = left.pop(f"{name}.weight{QUANTISED}")
        scale, zero = left.pop(f"{name}.weight{SCALES}"), left.pop(f"{name}.weight{ZEROS}")
    except KeyError as error:
        raise InputError(f"the artefact does not fit: it lacks {error.args[0]}") from None
    if scale.ndim == 0:
        weight = torch._make_per_tensor_quantized_tensor(numbers, float(scale), int(zero))
    else:
        weight = torch._make_per_channel_quantized_tensor(numbers, scale, zero, 0)
    if hasattr(part, "set_weight_bias"):
        part.set_weight_bias(weight, left.pop(f"{name}.bias", None))
    else:
        part.set_weight(weight)


def dense(module: Any) -> dict[str, Any]:
    """Return every weight as plain float numbers, by the name it had before it was quantised."""
    out: dict[str, Any] = {}
    for name, part in _holders(module):
        if _packed(part):
            out[f"{name}.weight"] = part.weight().dequantize()
            bias = part.bias() if callable(getattr(part, "bias", None)) else None
            if bias is not None:
                out[f"{name}.bias"] = bias.detach()
            continue
        for key, tensor in _own(name, part):
            plain = tensor.dequantize() if _subclass(tensor) else tensor
            if plain.is_floating_point():
                out[key] = plain.detach().float().cpu()
    return out


def holder_types(module: Any) -> dict[str, str]:
    """Class of the module that holds each weight, such as Linear, by the weight's name."""
    return {
        key: type(part).__name__
        for name, part in _holders(module)
        for key in ([f"{name}.weight"] if _packed(part) else [k for k, _ in _own(name, part)])
    }


def formats(module: Any) -> dict[str, str]:
    """How each weight is held, by its name: its type, and for quantised ones what shares a scale."""
    import torch

    out: dict[str, str] = {}
    for name, part in _holders(module):
        if _packed(part):
            whole = part.weight().qscheme() == torch.per_tensor_affine
            out[f"{name}.weight"] = (
                tell("int8, one scale per layer") if whole else tell("int8, one scale per row")
            )
            continue
        for key, tensor in _own(name, part):
            plain = str(tensor.dtype).removeprefix("torch.")
            out[key] = f"torchao {type(tensor).__name__}" if _subclass(tensor) else plain
    return out


def resident_bytes(module: Any) -> int:
    """Bytes of the loaded weights: each storage once, packed weights and tensor subclasses by their parts."""
    storages: dict[int, int] = {}
    total = 0
    for name, part in _holders(module):
        if _packed(part):
            weight = part.weight()
            total += weight.int_repr().nbytes
            total += weight.q_per_channel_scales().nbytes * 2 if weight.qscheme() != _per_tensor() else 16
            bias = part.bias() if callable(getattr(part, "bias", None)) else None
            total += 0 if bias is None else bias.nbytes
            continue
        for _, tensor in _own(name, part):
            for inner in _inner(tensor):
                storage = inner.untyped_storage()
                storages[storage.data_ptr()] = storage.nbytes()
    return total + sum(storages.values())


def _per_tensor() -> Any:
    import torch

    return torch.per_tensor_affine


def _inner(tensor: Any) -> Iterator[Any]:
    """The plain tensors of a tensor; itself, unless it is a subclass that wraps others."""
    if not _subclass(tensor):
        yield tensor
        return
    names, _ = tensor.__tensor_flatten__()
    for name in names:
        yield from _inner(getattr(tensor, name))
