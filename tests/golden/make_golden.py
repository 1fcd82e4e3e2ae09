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
    def __init__(self, name, height, width, channels, ngf, ndf, batch, steps, vanilla=False, dropout=0.0, seed=0, lam=10.0):
        self.__dict__.update(locals())


CASES = [
    Case('lsgan', 64, 64, 3, 8, 8, 2, 10),
    Case('vanilla', 64, 64, 3, 8, 8, 2, 10, vanilla=True),
    Case('wide', 32, 64, 1, 6, 5, 3, 3),
    Case('tall', 128, 32, 3, 3, 4, 1, 3, lam=100.0),
    Case('dropout', 64, 64, 3, 8, 8, 2, 4, dropout=0.5, seed=7),
    Case('sixteen', 64, 64, 3, 16, 32, 2, 3, dropout=0.5, seed=3, lam=0.0),
]
LR_G, LR_D, BETAS = 2e-4, 1e-4, (0.5, 0.999)


def shapes_of(case):
    """{network: {state_dict name: shape}} in state_dict order."""
    c, downs = case.channels, min(case.height, case.width).bit_length() - 1
    width = [case.ngf * 2 ** min(k, 3) for k in range(downs)]
    g, d = {}, {}
    for k in range(downs):
        g[f'down{k + 1}.model.0.weight'] = (width[k], width[k - 1] if k else c, 4, 4)
    for k in range(downs - 2, -1, -1):
        below = width[k + 1] * (1 if k == downs - 2 else 2)
        g[f'up{downs - 1 - k}.model.0.weight'] = (below, width[k], 4, 4)
    g['final.2.weight'] = (c, 2 * width[0], 4, 4)
    g['final.2.bias'] = (c,)
    for j, index in enumerate((0, 2, 5, 8)):
        d[f'model.{index}.weight'] = (case.ndf << j, case.ndf << (j - 1) if j else 2 * c, 4, 4)
        d[f'model.{index}.bias'] = (case.ndf << j,)
    d['model.12.weight'] = (1, case.ndf * 8, 4, 4)
    return {'G': g, 'D': d}


def generator(w, x, case, step):
    downs = min(case.height, case.width).bit_length() - 1

    def drop(y, layer):
        if not case.dropout or layer // 2 < 3:
            return y
        return y * torch.tensor(dropout_factor(case.dropout, case.seed, step, layer, *y.shape), dtype=y.dtype)

    skips = []
    for k in range(downs):
        x = F.conv2d(x, w[f'down{k + 1}.model.0.weight'], stride=2, padding=1)
        if 0 < k < downs - 1:
            x = F.instance_norm(x)
        x = drop(F.leaky_relu(x, 0.2), 2 * k)
        skips.append(x)
    for k in range(downs - 2, -1, -1):
        x = F.conv_transpose2d(x, w[f'up{downs - 1 - k}.model.0.weight'], stride=2, padding=1)
        x = torch.cat((drop(F.relu(F.instance_norm(x)), 2 * k + 1), skips[k]), 1)
    x = F.pad(F.interpolate(x, scale_factor=2, mode='nearest'), (1, 0, 1, 0))
    return torch.tanh(F.conv2d(x, w['final.2.weight'], w['final.2.bias'], padding=1))


def discriminator(w, image, source):
    x = torch.cat((image, source), 1)
    for index in (0, 2, 5, 8):
        x = F.conv2d(x, w[f'model.{index}.weight'], w[f'model.{index}.bias'], stride=2, padding=1)
        x = F.leaky_relu(F.instance_norm(x) if index else x, 0.2)
    return F.conv2d(F.pad(x, (1, 0, 1, 0)), w['model.12.weight'], padding=1)


def train(case, dtype):
    """(losses [steps, 6], gradients of the first step, fake of the first step)"""
    w = {net: {name: torch.tensor(number(f'{case.name}/{net}/{name}', shape, 2.0 ** (-4 if name.endswith('bias') else -5)), dtype=dtype,
                                  requires_grad=True) for name, shape in shapes.items()} for net, shapes in shapes_of(case).items()}
    make = picture if case.vanilla else lambda name, n, c, h, w: number(name, (n, h, w, c)).transpose(0, 3, 1, 2)
    dims = (case.batch, case.channels, case.height, case.width)
    source, target = (torch.tensor(make(f'{case.name}/{half}', *dims), dtype=dtype) for half in ('source', 'target'))
    criterion = torch.nn.BCEWithLogitsLoss() if case.vanilla else torch.nn.MSELoss()
    pixelwise = torch.nn.L1Loss()
    opt_g = torch.optim.Adam(w['G'].values(), lr=LR_G, betas=BETAS)
    opt_d = torch.optim.Adam(w['D'].values(), lr=LR_D, betas=BETAS)
    rows, first = [], {}
    for step in range(case.steps):
        opt_g.zero_grad()
        fake = generator(w['G'], source, case, step)
        pred = discriminator(w['D'], fake, source)
        real_label, fake_label = torch.ones_like(pred), torch.zeros_like(pred)
        loss_gan, loss_pixel = criterion(pred, real_label), pixelwise(fake, target)
        loss_g = loss_gan + case.lam * loss_pixel
        loss_g.backward()
        grads = {f'G/{k}': v.grad.clone() for k, v in w['G'].items()}
        opt_g.step()
        opt_d.zero_grad()
        loss_real = criterion(discriminator(w['D'], target, source), real_label)
        loss_fake = criterion(discriminator(w['D'], fake.detach(), source), fake_label)
        loss_d = 0.5 * (loss_real + loss_fake)
        loss_d.backward()
        grads.update({f'D/{k}': v.grad.clone() for k, v in w['D'].items()})
        opt_d.step()
        first = first or {'fake': fake.detach(), **grads}
        rows.append([v.item() for v in (loss_g, loss_gan, loss_pixel, loss_d, loss_real, loss_fake)])
    return np.array(rows), first


SAMPLES = 64


def samples(a):
    """At most 64 elements, evenly spread."""
    flat = a.reshape(-1)
    return flat[np.arange(min(SAMPLES, len(flat))) * len(flat) // min(SAMPLES, len(flat))]


def steps(out):
    for case in CASES:
        single, first32 = train(case, torch.float32)
        double, first64 = train(case, torch.float64)
        out.put(f'{case.name}/losses_f32', single, '<f8')
        out.put(f'{case.name}/losses_f64', double, '<f8')
        print(case.name, 'f32 against f64: first step', np.abs(single[0] / double[0] - 1).max(), 'all',
              np.abs(single / double - 1).max(), 'losses', double[0], double[-1])
        for key, value in first64.items():
            exact, rounded = value.numpy().reshape(-1), first32[key].numpy().astype(np.float64).reshape(-1)
            probe = number(f'{case.name}/probe/{key}', exact.shape)
            # size, projection, and how far f32 is from double in each and at most
            out.put(f'{case.name}/{key}/figures', [np.sqrt(np.mean(exact ** 2)), exact @ probe, rounded @ probe,
                                                   np.abs(exact - rounded).max()], '<f8')
            out.put(f'{case.name}/{key}/samples', samples(exact))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    torch.manual_seed(0)
    torch.set_num_threads(1)
    layers, whole = Golden(), Golden()
    for part in (conv_layers, heads, blocks, losses, adam):
        part(layers)
    steps(whole)
    layers.write(os.path.join(folder, 'layers.golden'))
    whole.write(os.path.join(folder, 'steps.golden'))


if __name__ == '__main__':
    main()
