#!/usr/bin/env python3
"""Reference numbers from PyTorch: layers.golden (each layer forward and backward) and steps.golden (whole training steps).

  make_golden.py [FOLDER]      writes both files there (default: beside this script); needs torch and numpy

Inputs and initial weights are not stored: both sides compute them from their names (number(), golden.c), exactly representable in f32.
Layers are computed in double from those inputs and stored rounded to f32. Whole steps are computed twice, in f32 and in double, so that a
test can tell a mistake from rounding: PyTorch's own distance between the two is stored with them.

The networks follow the layer tables of PyTorch-GAN's pix2pix (U-Net with log2(shorter side) downs, PatchGAN) under its state_dict
names; `dropout` multiplies by masks drawn as pixsweep draws them (Philox4x32-10 at (seed, stream 4, step, layer), layers numbered 2k for
the down of level k and 2k + 1 for the up back to it, elements in NHWC order).

File: 8 bytes "PXSGOLD1", u32 length and text of the origin, then entries to the end of the file: u16 length and name, u8 type (0: f32, 1: f64), u8
rank, u32 dims, data. Little-endian; tensors are NCHW, weights in torch's layout.
"""
import math
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools'))
import torch_networks  # noqa: E402

U32 = np.uint32


# ---- numbers that both sides can make -------------------------------------------------------------------------

def name_hash(name):
    """FNV-1a, 32 bit."""
    h = 2166136261
    for byte in name.encode():
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def mix(stream, index):
    """murmur3's finaliser over (stream, index), element by element."""
    with np.errstate(over='ignore'):
        h = index.astype(U32) * U32(0x9E3779B1) + U32(stream)
        h ^= h >> U32(16)
        h *= U32(0x85EBCA6B)
        h ^= h >> U32(13)
        h *= U32(0xC2B2AE35)
        return h ^ (h >> U32(16))


def number(name, shape, scale=1.0):
    """Uniform in [-scale, scale), 24 bits: element i of the stream of that name, row-major."""
    h = mix(name_hash(name), np.arange(math.prod(shape), dtype=np.uint64))
    return ((h >> U32(8)).astype(np.float64) * 2.0 ** -23 - 1.0).reshape(shape) * scale


def picture(name, n, c, h, w):
    """As glyphs are: patches of 4 x 4 pixels, half white, a quarter black, a quarter grey noise; all channels alike."""
    stream = name_hash(name)
    i, y, x = np.meshgrid(np.arange(n), np.arange(h), np.arange(w), indexing='ij')
    kind = mix(stream, (i * (h // 4) + y // 4) * (w // 4) + x // 4) >> U32(30)
    noise = (mix(stream ^ 0x5BD1E995, (i * h + y) * w + x) >> U32(8)).astype(np.float64) * 2.0 ** -23 - 1.0
    grey = np.where(kind == 0, noise, np.where(kind == 1, -1.0, 1.0))
    return np.repeat(grey[:, None], c, axis=1)


def philox(seed, stream, a, b, count):
    """The first `count` numbers of the stream: counters (index, b, a, stream), key = seed."""
    blocks = (count + 3) // 4
    c = [np.arange(blocks, dtype=np.uint64)] + [np.full(blocks, v, np.uint64) for v in (b, a, stream)]
    k = [np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)]
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ k[0], p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ k[1], p0 & low]
        k = [(k[0] + np.uint64(0x9E3779B9)) & low, (k[1] + np.uint64(0xBB67AE85)) & low]
    return np.stack(c, axis=1).reshape(-1)[:count]


def dropout_factor(p, seed, step, layer, n, c, h, w):
    """0 or 1/(1-p) for each element, NCHW."""
    kept = philox(seed, 4, step, layer, n * h * w * c) >= np.uint64(int(p * 2 ** 32))
    return kept.reshape(n, h, w, c).transpose(0, 3, 1, 2) / (1.0 - p)


# ---- files -----------------------------------------------------------------------------------------------------

class Golden:
    def __init__(self):
        self.entries = []

    def put(self, name, value, dtype='<f4'):
        a = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        self.entries.append((name, np.asarray(a, dtype, order='C')))

    def write(self, path):
        origin = f'tests/golden/make_golden.py, torch {torch.__version__}, numpy {np.__version__}'.encode()
        with open(path, 'wb') as f:
            f.write(b'PXSGOLD1' + struct.pack('<I', len(origin)) + origin)
            for name, a in self.entries:
                f.write(struct.pack('<H', len(name)) + name.encode())
                f.write(struct.pack('<BB', a.dtype.itemsize == 8, a.ndim) + struct.pack(f'<{a.ndim}I', *a.shape))
                f.write(a.tobytes())
        print(f'{path}: {len(self.entries)} entries, {os.path.getsize(path)} bytes')


# ---- layers ----------------------------------------------------------------------------------------------------

def tensor(array, dtype=torch.float64):
    return torch.tensor(array, dtype=dtype)


def run_layer(out, name, forward, inputs, outputs=('y',)):
    """Stores y = forward(inputs) and, for dy = number(name/dy), the gradient of every input."""
    leaves = {k: tensor(v).requires_grad_() for k, v in inputs.items()}
    y = forward(*leaves.values())
    dy = tensor(number(f'{name}/dy', tuple(y.shape)))
    y.backward(dy)
    out.put(f'{name}/y', y)
    for k, leaf in leaves.items():
        out.put(f'{name}/d{k}', leaf.grad)


def named(layer, **shapes):
    return {k: number(f'{layer}/{k}', shape) for k, shape in shapes.items()}


def conv_layers(out):
    def conv(x, w):
        m = torch.nn.Conv2d(w.shape[1], w.shape[0], 4, 2, 1, bias=False)
        return torch.func.functional_call(m, {'weight': w}, (x,))

    def conv_t(x, w):
        m = torch.nn.ConvTranspose2d(w.shape[0], w.shape[1], 4, 2, 1, bias=False)
        return torch.func.functional_call(m, {'weight': w}, (x,))

    run_layer(out, 'conv', conv, named('conv', x=(2, 3, 8, 12), w=(5, 3, 4, 4)))
    run_layer(out, 'conv_deep', conv, named('conv_deep', x=(3, 17, 4, 2), w=(20, 17, 4, 4)))
    run_layer(out, 'conv_t', conv_t, named('conv_t', x=(2, 5, 3, 4), w=(5, 3, 4, 4)))
    run_layer(out, 'conv_t_deep', conv_t, named('conv_t_deep', x=(3, 20, 2, 1), w=(20, 17, 4, 4)))


def heads(out):
    def up(x, w, b):
        m = torch.nn.Sequential(torch.nn.Upsample(scale_factor=2), torch.nn.ZeroPad2d((1, 0, 1, 0)),
                                torch.nn.Conv2d(w.shape[1], w.shape[0], 4, padding=1), torch.nn.Tanh())
        return torch.func.functional_call(m, {'2.weight': w, '2.bias': b}, (x,))

    def patch(x, w):
        m = torch.nn.Sequential(torch.nn.ZeroPad2d((1, 0, 1, 0)), torch.nn.Conv2d(w.shape[1], w.shape[0], 4, padding=1, bias=False))
        return torch.func.functional_call(m, {'1.weight': w}, (x,))

    inputs = named('head_up', x=(2, 6, 4, 5), w=(3, 6, 4, 4), b=(3,))
    inputs['w'] = inputs['w'] / 8  # keep tanh out of saturation
    run_layer(out, 'head_up', up, inputs)
    run_layer(out, 'head_patch', patch, named('head_patch', x=(2, 9, 4, 3), w=(1, 9, 4, 4)))


def blocks(out):
    norm = torch.nn.InstanceNorm2d(5)
    shifted = number('norm_leaky/x', (2, 5, 4, 6)) + number('norm_leaky/shift', (1, 5, 1, 1), 4.0)
    x = {'x': shifted.astype(np.float32)}
    run_layer(out, 'norm_leaky', lambda x: torch.nn.LeakyReLU(0.2)(norm(x)), x)
    run_layer(out, 'norm_relu', lambda x: torch.nn.ReLU()(norm(x)), named('norm_relu', x=(2, 5, 3, 3)))
    run_layer(out, 'leaky', torch.nn.LeakyReLU(0.2), named('leaky', x=(2, 5, 3, 3)))
    run_layer(out, 'bias_leaky', lambda x, b: torch.nn.LeakyReLU(0.2)(x + b[:, None, None]),
              named('bias_leaky', x=(2, 5, 3, 3), b=(5,)))
    for p in (0.5, 0.3):
        name = f'norm_leaky_dropout_{p}'
        factor = tensor(dropout_factor(p, 9 + (5 << 32), 3, 6, 2, 5, 5, 7))
        run_layer(out, name, lambda x: torch.nn.LeakyReLU(0.2)(norm(x)) * factor, named(name, x=(2, 5, 5, 7)))
    run_layer(out, 'concat', lambda up, skip: torch.cat((up, skip), 1), named('concat', up=(2, 3, 2, 2), skip=(2, 5, 2, 2)))
    run_layer(out, 'tanh', torch.nn.Tanh(), {'x': number('tanh/x', (100,), 4.0)})


def batch_norms(out):
    """Forward and backward over one batch; running statistics after two, and what they give."""
    def train(x, gamma, beta):
        return F.leaky_relu(F.batch_norm(x, None, None, gamma, beta, training=True), 0.2)

    inputs = named('batch_norm', x=(3, 5, 2, 4), gamma=(5,), beta=(5,))
    run_layer(out, 'batch_norm', train, inputs)
    norm = torch.nn.BatchNorm2d(5, dtype=torch.float64)
    with torch.no_grad():
        norm.weight.copy_(tensor(inputs['gamma']))
        norm.bias.copy_(tensor(inputs['beta']))
        for name in ('x', 'x2'):
            norm(tensor(number(f'batch_norm/{name}', (3, 5, 2, 4))))
        out.put('batch_norm/mean', norm.running_mean)
        out.put('batch_norm/var', norm.running_var)
        out.put('batch_norm/eval', F.leaky_relu(norm.eval()(tensor(inputs['x'])), 0.2))
    run_layer(out, 'bias_tanh', lambda x, b: torch.tanh(x + b[:, None, None]), named('bias_tanh', x=(2, 3, 3, 3), b=(3,)))


def losses(out):
    def put(name, module, x, target, weight):
        leaf = tensor(x).requires_grad_()
        value = module(leaf, target)
        (weight * value).backward()
        out.put(f'{name}/value', value, '<f8')
        out.put(f'{name}/dx', leaf.grad)

    for label in (0, 1):
        for name, module in (('mse', torch.nn.MSELoss()), ('bce', torch.nn.BCEWithLogitsLoss())):
            x = number(f'{name}/x', (2, 1, 5, 7), 4.0)
            put(f'{name}_{label}', module, x, torch.full(x.shape, float(label), dtype=torch.float64), 0.5)
    x = number('hinge/x', (2, 1, 5, 7), 4.0)
    for name, module in (('hinge_real', lambda x, _: torch.relu(1 - x).mean()), ('hinge_fake', lambda x, _: torch.relu(1 + x).mean()),
                         ('hinge_G', lambda x, _: -x.mean())):
        put(name, module, x, None, 0.5)
    x, y = number('l1/x', (2, 3, 5, 7)), number('l1/y', (2, 3, 5, 7))
    x.reshape(-1)[::10] = y.reshape(-1)[::10]  # equal here and there
    put('l1', torch.nn.L1Loss(), x, tensor(y), 10.0)


def adam(out):
    """Five steps; gradients from 1 down to 2^-35 (below eps), and none."""
    n = 200
    p = tensor(number('adam/p', (n,), 2.0 ** -4)).requires_grad_()
    opt = torch.optim.Adam([p], lr=2e-4, betas=(0.5, 0.999))
    for t in range(1, 6):
        g = number(f'adam/g{t}', (n,)) * 2.0 ** -(np.arange(n) % 36)
        g[::50] = 0
        p.grad = tensor(g)
        opt.step()
        out.put(f'adam/p{t}', p)
    out.put('adam/m5', opt.state[p]['exp_avg'])
    out.put('adam/v5', opt.state[p]['exp_avg_sq'])


# ---- whole steps -------------------------------------------------------------------------------------------------

class Case:
    """What a training run of the golden files has; the networks are tools/torch_networks.py's."""

    def __init__(self, name, height, width, ngf, ndf, batch=2, steps=3, channels=3, generator='unet', discriminator='patch', layers=3,
                 norm='instance', gan_mode='lsgan', dropout=0.0, seed=0, lam=10.0, pictures=False, gain=None):
        self.__dict__.update(locals())


STEPS = [
    Case('lsgan', 64, 64, 8, 8, steps=10),
    Case('vanilla', 64, 64, 8, 8, steps=10, gan_mode='vanilla', pictures=True),
    Case('wide', 32, 64, 6, 5, batch=3, channels=1),
    Case('tall', 128, 32, 3, 4, batch=1, lam=100.0),
    Case('dropout', 64, 64, 8, 8, steps=4, dropout=0.5, seed=7),
    Case('sixteen', 64, 64, 16, 32, dropout=0.5, seed=3, lam=0.0),
]


def every_network():
    """(generator, its norm, sides, widths, discriminator, its n_layers, loss): each generator and each discriminator with every norm that it
    has, and sides that the halvings of a discriminator or of `unet` do not divide."""
    rows = [
        ('unet', 'instance', (96, 64), 5, 6, 'patch', 3, 'hinge'),
        ('unet', 'batch', (64, 32), 6, 5, 'n_layers', 3, 'lsgan'),
        ('unet_32', 'instance', (32, 64), 8, 8, 'n_layers', 1, 'lsgan'),
        ('unet_32', 'batch', (64, 32), 8, 8, 'n_layers', 1, 'vanilla'),
        ('unet_32', 'none', (32, 32), 8, 8, 'pixel', 3, 'hinge'),
        ('unet_64', 'instance', (64, 64), 8, 8, 'pixel', 3, 'vanilla'),
        ('unet_64', 'batch', (64, 64), 7, 6, 'patch', 3, 'lsgan'),
        ('unet_64', 'none', (64, 64), 8, 8, 'n_layers', 4, 'lsgan'),
        ('unet_128', 'instance', (128, 128), 4, 4, 'n_layers', 5, 'hinge'),
        ('unet_128', 'batch', (128, 128), 4, 4, 'n_layers', 4, 'hinge'),
        ('unet_128', 'none', (128, 128), 4, 4, 'n_layers', 5, 'vanilla'),
        ('unet_256', 'instance', (256, 256), 2, 2, 'n_layers', 6, 'lsgan'),
        ('unet_256', 'batch', (256, 256), 2, 2, 'n_layers', 6, 'vanilla'),
        ('unet_256', 'none', (256, 256), 2, 2, 'n_layers', 6, 'hinge'),
        ('resnet_6blocks', 'instance', (36, 44), 8, 8, 'n_layers', 3, 'hinge'),
        ('resnet_6blocks', 'batch', (44, 36), 8, 8, 'pixel', 3, 'lsgan'),
        ('resnet_6blocks', 'none', (36, 44), 8, 8, 'n_layers', 2, 'vanilla'),
        ('resnet_9blocks', 'instance', (32, 48), 6, 7, 'n_layers', 2, 'vanilla'),
        ('resnet_9blocks', 'batch', (32, 48), 6, 7, 'n_layers', 2, 'hinge'),
        ('resnet_9blocks', 'none', (32, 48), 6, 7, 'patch', 3, 'lsgan'),
        # for the fast kernels
        ('unet_64', 'batch', (64, 64), 16, 16, 'n_layers', 3, 'lsgan'),
        ('resnet_6blocks', 'instance', (32, 32), 16, 16, 'n_layers', 2, 'lsgan'),
    ]
    for g, norm, (height, width), ngf, ndf, d, layers, gan_mode in rows:
        yield Case(f'{g} {norm}{" fast" if ngf == 16 else ""}', height, width, ngf, ndf, generator=g, norm=norm, discriminator=d, layers=layers,
                   gan_mode=gan_mode, gain=1.0 if g[0] == 'r' and norm == 'none' else 2.0)


LR_G, LR_D, BETAS = 2e-4, 1e-4, (0.5, 0.999)


class Dropout(torch.nn.Module):
    """Masks as pixsweep draws them."""

    def __init__(self, case, layer):
        super().__init__()
        self.case, self.layer, self.step = case, layer, 0

    def forward(self, x):
        if not self.training:
            return x
        return x * torch.tensor(dropout_factor(self.case.dropout, self.case.seed, self.step, self.layer, *x.shape), dtype=x.dtype)


def number_dropouts(net, case):
    """Of `unet`, by the level and the way, see above."""
    for name, block in list(net.named_children()):
        if case.dropout and name != 'final' and isinstance(block.model[-1], torch.nn.Dropout):
            k = int(name.lstrip('downup'))
            block.model[-1] = Dropout(case, 2 * (k - 1) if name.startswith('down') else 2 * (net.downs - 1 - k) + 1)


def first_value(case, stream, tensor):
    """Weights by their names, and in every_network()'s by their fans, too, so that signals neither grow nor vanish; norms begin away from 1
    and 0, so that they show."""
    shape = tuple(tensor.shape)
    if stream.endswith(('running_mean', 'bias')):
        return number(stream, shape, 2.0 ** -4)
    if len(shape) == 1:
        return (1 + number(stream, shape, 2.0 ** (-1 if stream.endswith('running_var') else -2))).astype(np.float32)
    return number(stream, shape, 2.0 ** -5 if case.gain is None else case.gain * 2.0 ** -(int(math.log2(max(shape[:2]) * shape[2] ** 2)) // 2))


def make_networks(case, dtype):
    nets = {'G': torch_networks.generator(case.generator, case.channels, case.ngf, case.norm, case.dropout, 0, case.height, case.width),
            'D': torch_networks.discriminator(case.discriminator, case.channels, case.ndf, case.norm, case.layers)}
    for which, net in nets.items():
        net.to(dtype)
        for key, value in net.state_dict().items():
            if not key.endswith('num_batches_tracked'):
                value.copy_(tensor(first_value(case, f'{case.name}/{which}/{key}', value), dtype))
    number_dropouts(nets['G'], case)
    return nets


def images(case, dtype):
    """(source, target)"""
    make = picture if case.pictures else lambda name, n, c, h, w: number(name, (n, h, w, c)).transpose(0, 3, 1, 2)
    return [tensor(make(f'{case.name}/{half}', case.batch, case.channels, case.height, case.width), dtype) for half in ('source', 'target')]


def without_effect(case):
    """Biases in front of an instance norm: their gradient is rounding alone."""
    found = set()
    for which, net in make_networks(case, torch.float32).items():
        for name, module in net.named_modules():
            children = list(module.named_children())
            found.update(f'{which}/{name}.{at}.bias' for (at, _), (_, behind) in zip(children, children[1:])
                         if isinstance(behind, torch.nn.InstanceNorm2d))
    return found


def generate(net, source, case):
    """As in evaluation; where there is dropout, as in the first training step."""
    with torch.no_grad():
        fake = net.train(case.dropout > 0)(source)
    net.train()
    return fake


def train(case, dtype):
    """(losses [steps, 6], {key: tensor} to be compared)"""
    nets = make_networks(case, dtype)
    source, target = images(case, dtype)
    adams = [torch.optim.Adam(net.parameters(), lr=lr, betas=BETAS) for net, lr in zip(nets.values(), (LR_G, LR_D))]
    step = torch_networks.Step(nets.values(), adams, case.gan_mode, case.lam)
    found, rows = {'fake': generate(nets['G'], source, case)}, []
    for k in range(case.steps):
        for module in nets['G'].modules():
            if isinstance(module, Dropout):
                module.step = k
        losses = step(source, target)
        if k == 0:
            found.update({f'{which}/{key}': p.grad.clone() for which, net in nets.items() for key, p in net.named_parameters()})
        rows.append([loss.item() for loss in losses.values()])
    if case.norm == 'batch':
        found['after'] = generate(nets['G'], source, case)
        found.update({f'{which}/{key}': value for which, net in nets.items() for key, value in net.named_buffers()
                      if value.is_floating_point()})
    return np.array(rows), found


def samples(a, most):
    """At most so many elements, evenly spread."""
    flat = a.reshape(-1)
    return flat[np.arange(min(most, len(flat))) * len(flat) // min(most, len(flat))]


def steps(out, cases):
    for case in cases:
        constants = without_effect(case) if case.gain else set()
        single, found32 = train(case, torch.float32)
        double, found64 = train(case, torch.float64)
        out.put(f'{case.name}/losses_f32', single, '<f8')
        out.put(f'{case.name}/losses_f64', double, '<f8')
        print(case.name, 'f32 against f64: first step', np.abs(single[0] / double[0] - 1).max(), 'all',
              np.abs(single / double - 1).max(), 'losses', double[0], double[-1])
        for key, value in found64.items():
            exact, rounded = value.numpy().reshape(-1), found32[key].numpy().astype(np.float64).reshape(-1)
            if key in constants:
                continue
            probe = number(f'{case.name}/probe/{key}', exact.shape)
            # size, projection, and how far f32 is from double in each and at most
            out.put(f'{case.name}/{key}/figures', [np.sqrt(np.mean(exact ** 2)), exact @ probe, rounded @ probe,
                                                   np.abs(exact - rounded).max()], '<f8')
            out.put(f'{case.name}/{key}/samples', samples(exact, 16 if case.gain else 64))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    torch.manual_seed(0)
    torch.set_num_threads(1)
    layers, whole, networks = Golden(), Golden(), Golden()
    for part in (conv_layers, heads, blocks, batch_norms, losses, adam):
        part(layers)
    steps(whole, STEPS)
    steps(networks, every_network())
    layers.write(os.path.join(folder, 'layers.golden'))
    whole.write(os.path.join(folder, 'steps.golden'))
    networks.write(os.path.join(folder, 'networks.golden'))


if __name__ == '__main__':
    main()
