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
from .structure import place

QUANTISED = "#int"
SCALES, ZEROS = "#scale", "#zero"


def is_packed(part: Any) -> bool:
    """Whether a module is one of torch's quantised layers, which keep their weights packed."""
    return type(part).__module__.startswith("torch.ao.nn.quantized")


def _unpacked(part: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The quantised weights and the biases of one of torch's quantised layers, by their names."""
    if callable(getattr(part, "get_weight", None)):
        return dict(part.get_weight()), dict(part.get_bias())
    bias = part.bias() if callable(getattr(part, "bias", None)) else None
    return {"weight": part.weight()}, {"bias": bias}


def _within(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _holders(module: Any) -> Iterator[tuple[str, Any]]:
    """The modules that hold weights themselves, without what lies inside packed ones."""
    inside: tuple[str, ...] = ()
    for name, part in module.named_modules():
        if inside and name.startswith(inside):
            continue
        if is_packed(part):
            inside = (*inside, f"{name}.")
        yield name, part


def _own(name: str, part: Any) -> Iterator[tuple[str, Any]]:
    """A module's own parameters and persistent buffers."""
    yield from _learned(name, part)
    for key, value in part._buffers.items():
        if value is not None and key not in part._non_persistent_buffers_set:
            yield _within(name, key), value


def _learned(name: str, part: Any) -> Iterator[tuple[str, Any]]:
    """A module's own parameters."""
    for key, value in part._parameters.items():
        if value is not None:
            yield _within(name, key), value.detach()


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
        if is_packed(part):
            packed, biases = _unpacked(part)
            for key, weight in packed.items():
                full = _within(name, key)
                tensors[full + QUANTISED] = weight.int_repr()
                if _one_scale(weight):
                    tensors[full + SCALES] = torch.tensor(weight.q_scale(), dtype=torch.float64)
                    tensors[full + ZEROS] = torch.tensor(weight.q_zero_point(), dtype=torch.int64)
                else:
                    tensors[full + SCALES] = weight.q_per_channel_scales()
                    tensors[full + ZEROS] = weight.q_per_channel_zero_points()
            given = {_within(name, key): bias for key, bias in biases.items() if bias is not None}
            tensors |= {key: bias.detach() for key, bias in given.items()}
            continue
        for key, tensor in _own(name, part):
            where = place(next(_inner(tensor)))
            if tensor.numel() and where in seen:
                tied[key] = seen[where]
                continue
            seen[where] = key
            (subclasses if _subclass(tensor) else tensors)[key] = tensor
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
    made: dict[str, Any] = {}
    used: set[str] = set()
    for name, part in _holders(module):
        if is_packed(part):
            _restore_packed(name, part, left)
            continue
        for key, tensor in list(_own(name, part)):
            own = key.rpartition(".")[2]
            source = told.get("tied", {}).get(key, key)
            found = subclasses.get(source, tensors.get(source))
            left.pop(key, None)
            used.add(source)
            if found is None or tuple(found.shape) != tuple(tensor.shape):
                shape = None if found is None else tuple(found.shape)
                raise InputError(
                    f"the artefact does not fit: {key}: expected {tuple(tensor.shape)}, got {shape}"
                )
            made[source] = _assign(part, own, made.get(source, found))
    over = [*left, *(key for key in subclasses if key not in used)]
    if over:
        raise InputError(f"the artefact does not fit: the module has no place for {over[0]}")


def _assign(part: Any, name: str, value: Any) -> Any:
    """Put a tensor into its place; a parameter that is there already under another name stays one."""
    import torch

    if name in part._parameters:
        if not isinstance(value, torch.nn.Parameter):
            value = torch.nn.Parameter(value, requires_grad=False)
        part._parameters[name] = value
    else:
        part._buffers[name] = value
    return value


def _restore_packed(name: str, part: Any, left: dict[str, Any]) -> None:
    import torch

    packed, biases = _unpacked(part)
    found: dict[str, Any] = {}
    for key in packed:
        full = _within(name, key)
        try:
            numbers, scale, zero = (left.pop(full + end) for end in (QUANTISED, SCALES, ZEROS))
        except KeyError as error:
            raise InputError(f"the artefact does not fit: it lacks {error.args[0]}") from None
        if tuple(numbers.shape) != tuple(packed[key].shape):
            raise InputError(
                f"the artefact does not fit: {full}: expected {tuple(packed[key].shape)}, "
                f"got {tuple(numbers.shape)}"
            )
        found[key] = (
            torch._make_per_tensor_quantized_tensor(numbers, float(scale), int(zero))
            if scale.ndim == 0
            else torch._make_per_channel_quantized_tensor(numbers, scale, zero, 0)
        )
    given = {key: left.pop(_within(name, key), None) for key in biases}
    if "weight" not in found:
        whole = {"weight": found, "bias": given} if hasattr(part, "weight_dtype") else {**found, **given}
        part.set_weight_bias(whole)
    elif hasattr(part, "set_weight_bias"):
        part.set_weight_bias(found["weight"], given["bias"])
    else:
        part.set_weight(found["weight"])


def dense(module: Any) -> dict[str, Any]:
    """Return every weight as plain float numbers, by the name it had before it was quantised."""
    return {name: plain for name, plain, _ in _dense(module, _own)}


def parameters(module: Any) -> dict[str, Any]:
    """Return what is learned, as plain float numbers: each tensor once, and no buffers."""
    found: dict[str, Any] = {}
    seen: set[Any] = set()
    for name, plain, where in _dense(module, _learned):
        if where not in seen:
            found[name] = plain
        seen.add(where)
    return found


def _dense(module: Any, own: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, numbers, and what is the same for two names of one tensor."""
    for name, part in _holders(module):
        if is_packed(part):
            packed, biases = _unpacked(part)
            for key, tensor in packed.items():
                yield _within(name, key), tensor.dequantize(), (name, key)
            for key, bias in biases.items():
                if bias is not None:
                    yield _within(name, key), bias.detach(), (name, key)
            continue
        for key, tensor in own(name, part):
            plain = _plain(tensor)
            if plain.is_floating_point():
                yield key, plain.detach().float().cpu(), place(next(_inner(tensor)))


def _plain(tensor: Any) -> Any:
    """A tensor's numbers; those of torchao's subclasses as they are used."""
    if type(tensor).__name__ != "Int4TilePackedTo4dTensor":
        return tensor.dequantize() if _subclass(tensor) else tensor
    import torch

    # torchao has no way back from the layout of tensor cores: the product with ones on a diagonal is one.
    ones = torch.eye(tensor.shape[1], dtype=torch.bfloat16, device=tensor.device)
    return torch.nn.functional.linear(ones, tensor).t()


def _held(name: str, part: Any) -> list[str]:
    """Names of the tensors that a module holds itself."""
    if is_packed(part):
        return [_within(name, key) for key in _unpacked(part)[0]]
    return [key for key, _ in _own(name, part)]


def holder_types(module: Any) -> dict[str, str]:
    """Class of the module that holds each weight, such as Linear, by the weight's name."""
    return {key: type(part).__name__ for name, part in _holders(module) for key in _held(name, part)}


def formats(module: Any) -> dict[str, str]:
    """How each weight is held, by its name: its type, and for quantised ones what shares a scale."""
    out: dict[str, str] = {}
    for name, part in _holders(module):
        if is_packed(part):
            for key, weight in _unpacked(part)[0].items():
                one = _one_scale(weight)
                out[_within(name, key)] = (
                    tell("int8, one scale per layer") if one else tell("int8, one scale per row")
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
        if is_packed(part):
            packed, biases = _unpacked(part)
            for weight in packed.values():
                total += weight.int_repr().nbytes
                total += 16 if _one_scale(weight) else weight.q_per_channel_scales().nbytes * 2
            total += sum(bias.nbytes for bias in biases.values() if bias is not None)
            continue
        for _, tensor in _own(name, part):
            for inner in _inner(tensor):
                storage = inner.untyped_storage()
                storages[storage.data_ptr()] = storage.nbytes()
    return total + sum(storages.values())


def _one_scale(weight: Any) -> bool:
    import torch

    return bool(weight.qscheme() == torch.per_tensor_affine)


def _inner(tensor: Any) -> Iterator[Any]:
    """The plain tensors of a tensor; itself, unless it is a subclass that wraps others."""
    if not _subclass(tensor):
        yield tensor
        return
    names, _ = tensor.__tensor_flatten__()
    for name in names:
        yield from _inner(getattr(tensor, name))


def computed(module: Any) -> list[tuple[str, Any, Any]]:
    """Weights that are computed of others at every call: name, module that holds it, and what computes it.

    So do weight and spectral normalisation, orthogonal maps and the masks of pruning.
    """
    from torch.nn.utils import parametrize
    from torch.nn.utils.prune import BasePruningMethod
    from torch.nn.utils.spectral_norm import SpectralNorm
    from torch.nn.utils.weight_norm import WeightNorm

    found: list[tuple[str, Any, Any]] = []
    for name, part in module.named_modules():
        if parametrize.is_parametrized(part):
            found += [(_within(name, key), part, None) for key in part.parametrizations]
        for hook in part._forward_pre_hooks.values():
            own = hook._tensor_name if isinstance(hook, BasePruningMethod) else getattr(hook, "name", None)
            if isinstance(hook, (BasePruningMethod, SpectralNorm, WeightNorm)):
                found.append((_within(name, str(own)), part, hook))
    return found


def fold(module: Any) -> list[str]:
    """Put plain weights in the place of those that are computed of others; returns their names.

    Evaluation mode computes the same numbers every time, so those are what can be pruned, quantised, counted.
    """
    import torch
    from torch.nn.utils import prune, remove_spectral_norm, remove_weight_norm

    away = {"WeightNorm": remove_weight_norm, "SpectralNorm": remove_spectral_norm}
    found = computed(module)
    for name, part, hook in found:
        own = name.rpartition(".")[2]
        with torch.no_grad():
            if hook is not None:
                away.get(type(hook).__name__, prune.remove)(part, own)
            elif hasattr(part, "parametrizations"):
                _without_parametrizations(part)
    for parameter in module.parameters() if found else ():
        parameter.requires_grad_(False)
    return [name for name, _, _ in found]


def _without_parametrizations(part: Any) -> None:
    """Put what a module's parametrizations give into their place.

    torch's own way back takes the properties out of the module's class, which copies of the module share.
    """
    import torch

    given = {
        key: (getattr(part, key).detach().clone(), any(True for _ in whole.parameters()))
        for key, whole in part.parametrizations.items()
    }
    part.__class__ = type(part).__bases__[0]
    del part.parametrizations
    for key, (tensor, learned) in given.items():
        if learned:
            part.register_parameter(key, torch.nn.Parameter(tensor, requires_grad=False))
        else:
            part.register_buffer(key, tensor)
