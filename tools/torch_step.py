#!/usr/bin/env python3
"""The training step of pixsweep in PyTorch, one step at a time, for `pixsweep bench --against-torch PYTHON`.

Same networks, losses, order of updates and optimiser: U-Net generator and PatchGAN discriminator under PyTorch-GAN's
shapes, the generator's update first, then the discriminator's on the same, detached fake; dropout on. Random pictures,
random weights. Needs torch (1.8 or later) and nothing else.

Prints "ready VERSION" once it has warmed up (or "no REASON" where this variant cannot run here, and ends). Then answers
each line that it reads with "MILLISECONDS PEAK_BYTES": one timed step, and this process's memory at its peak. Ends
with its input.
"""
import argparse
import os
import sys
import time

WARM_UP = 3


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (('threads', 1), ('batch', 8), ('height', 64), ('width', 64), ('channels', 3), ('ngf', 64),
                          ('ndf', 64)):
        p.add_argument('--' + name, type=int, default=default)
    p.add_argument('--dropout', type=float, default=0.5)
    p.add_argument('--lambda-pixel', type=float, default=10.0)
    p.add_argument('--gan-mode', choices=('lsgan', 'vanilla'), default='lsgan')
    p.add_argument('--channels-last', action='store_true')
    p.add_argument('--compile', action='store_true')
    return p.parse_args()


def networks(o):
    from torch import cat, nn

    def block(conv, norm, act, drop=0.0):
        layers = [conv] + ([nn.InstanceNorm2d(conv.out_channels)] if norm else []) + [act]
        return nn.Sequential(*layers, *([nn.Dropout(drop)] if drop else []))

    def patch(cin, cout, bias):
        """Padded like TensorFlow's "same": size stays."""
        return nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(cin, cout, 4, padding=1, bias=bias)

    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            n = min(o.height, o.width).bit_length() - 1  # halvings of the shorter side, down to 1
            c = [o.ngf * min(8, 2 ** k) for k in range(n)]
            drop = [o.dropout if k >= 3 else 0.0 for k in range(n)]
            self.downs = nn.ModuleList(
                block(nn.Conv2d(c[k - 1] if k else o.channels, c[k], 4, 2, 1, bias=False), 0 < k < n - 1,
                      nn.LeakyReLU(0.2), drop[k]) for k in range(n))
            self.ups = nn.ModuleList(
                block(nn.ConvTranspose2d(c[k + 1] * (1 if k == n - 2 else 2), c[k], 4, 2, 1, bias=False), True,
                      nn.ReLU(inplace=True), drop[k]) for k in reversed(range(n - 1)))
            self.final = nn.Sequential(nn.Upsample(scale_factor=2), *patch(2 * c[0], o.channels, True), nn.Tanh())

        def forward(self, x):
            skips = []
            for down in self.downs:
                x = down(x)
                skips.append(x)
            for up, skip in zip(self.ups, reversed(skips[:-1])):
                x = cat((up(x), skip), 1)
            return self.final(x)

    class Discriminator(nn.Module):
        def __init__(self):
            super().__init__()
            c = [2 * o.channels] + [o.ndf * 2 ** k for k in range(4)]
            layers = [block(nn.Conv2d(c[k], c[k + 1], 4, 2, 1), k > 0, nn.LeakyReLU(0.2, inplace=True)) for k in range(4)]
            self.layers = nn.Sequential(*layers, *patch(c[4], 1, False))

        def forward(self, image, source):
            return self.layers(cat((image, source), 1))

    def init(m):
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(m.weight, 0.0, 0.02)

    return Generator().apply(init), Discriminator().apply(init)


def make_step(o, torch):
    """A function that trains one step on the same batch."""
    generator, discriminator = networks(o)
    shape = (o.batch, o.channels, o.height, o.width)
    source, target = (torch.randn(shape).mul(0.5) for _ in range(2))
    if o.channels_last:
        last = dict(memory_format=torch.channels_last)
        generator, discriminator = generator.to(**last), discriminator.to(**last)
        source, target = source.contiguous(**last), target.contiguous(**last)
    adams = [torch.optim.Adam(net.parameters(), lr=1e-4, betas=(0.5, 0.999)) for net in (generator, discriminator)]
    if o.compile:
        generator, discriminator = torch.compile(generator), torch.compile(discriminator)
    gan = torch.nn.MSELoss() if o.gan_mode == 'lsgan' else torch.nn.BCEWithLogitsLoss()
    pixel = torch.nn.L1Loss()

    def update(adam, loss):
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()

    def step():
        fake = generator(source)
        patch = discriminator(fake, source)
        real, false = torch.ones_like(patch), torch.zeros_like(patch)
        loss_GAN, loss_pixel = gan(patch, real), pixel(fake, target)
        loss_G = loss_GAN + o.lambda_pixel * loss_pixel
        update(adams[0], loss_G)
        loss_real = gan(discriminator(target, source), real)
        loss_fake = gan(discriminator(fake.detach(), source), false)
        loss_D = 0.5 * (loss_real + loss_fake)
        update(adams[1], loss_D)
        return [loss.item() for loss in (loss_G, loss_GAN, loss_pixel, loss_D, loss_real, loss_fake)]

    return step


def peak_bytes():
    """Of this process alone; getrusage would count what stood here before exec."""
    with open('/proc/self/status', encoding='ascii') as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith('VmHWM:'))


def warm(o):
    """(step, version), or (None, why there is none)."""
    try:
        import torch
    except ImportError as e:
        return None, f'PyTorch: {e}'
    if o.compile and not hasattr(torch, 'compile'):
        return None, f'torch.compile in PyTorch {torch.__version__}'
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    step = make_step(o, torch)
    try:
        for _ in range(WARM_UP):
            step()
    except Exception as e:
        if not o.compile:
            raise
        return None, f'torch.compile here: {type(e).__name__}: {e}'
    return step, torch.__version__


def main():
    o = arguments()
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # other output goes to stderr, not between the answers

    def answer(text):
        answers.write(' '.join(text.split()) + '\n')
        answers.flush()

    step, words = warm(o)
    answer(f'ready {words}' if step else f'no {words}')
    if not step:
        return
    for _ in iter(sys.stdin.readline, ''):
        began = time.perf_counter()
        step()
        answer(f'{(time.perf_counter() - began) * 1e3!r} {peak_bytes()}')


if __name__ == '__main__':
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(1)  # the reader has gone
