#!/usr/bin/env python3
"""The training step of pixsweep in PyTorch, one step at a time, for `pixsweep bench --against-torch PYTHON`; with --generate the
trained generator alone.

Same networks, losses, order of updates and optimiser (torch_networks.py beside it); dropout on. Random pictures, random weights. Needs torch
(1.8 or later) and nothing else.

Prints "ready VERSION" once it has warmed up (or "no REASON" where this variant cannot run here, and ends). Then answers
each line that it reads with "MILLISECONDS PEAK_BYTES": one timed step, and this process's memory at its peak. Ends
with its input.
"""
import argparse
import os
import sys
import time

WARM_UP = 3


def arguments(torch_networks):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    torch_networks.add_arguments(p)
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--fused', action='store_true', help='the optimiser in one kernel')
    p.add_argument('--freeze', action='store_true', help="no gradients for the discriminator's weights in the generator's step")
    p.add_argument('--channels-last', action='store_true')
    p.add_argument('--compile', action='store_true')
    p.add_argument('--generate', action='store_true', help='the trained generator alone, in place of a training step')
    return p.parse_args()


def make_adam(torch, net, fused):
    return torch.optim.Adam(net.parameters(), lr=1e-4, betas=(0.5, 0.999), **(dict(fused=True) if fused else {}))


def has_fused_adam(torch):
    """On the CPU since PyTorch 2.4."""
    net = torch.nn.Linear(1, 1)
    try:
        adam = make_adam(torch, net, True)
        net(torch.ones(1, 1)).sum().backward()
        adam.step()
    except Exception:
        return False
    return True


def make_step(o, torch, torch_networks):
    """A function that trains one step on the same batch."""
    nets = [net.apply(torch_networks.init_normal) for net in torch_networks.networks(o)]
    shape = (o.batch_size, o.channels, o.img_height, o.img_width)
    source, target = (torch.randn(shape).mul(0.5) for _ in range(2))
    if o.channels_last:
        last = dict(memory_format=torch.channels_last)
        nets = [net.to(**last) for net in nets]
        source, target = source.contiguous(**last), target.contiguous(**last)
    adams = [make_adam(torch, net, o.fused) for net in nets]
    if o.compile:
        nets = [torch.compile(net) for net in nets]
    step = torch_networks.Step(nets, adams, o.gan_mode, o.lambda_pixel, o.freeze)
    return lambda: [loss.item() for loss in step(source, target).values()]


def make_generate(o, torch, torch_networks):
    """A function that generates one batch, as a trained network is used: eval(), and no gradients."""
    net = torch_networks.networks(o)[0].apply(torch_networks.init_normal).eval()
    source = torch.randn(o.batch_size, o.channels, o.img_height, o.img_width).mul(0.5)
    if o.channels_last:
        net, source = net.to(memory_format=torch.channels_last), source.contiguous(memory_format=torch.channels_last)
    if o.compile:
        net = torch.compile(net)

    def generate():
        with torch.no_grad():
            return net(source).sum().item()
    return generate


def peak_bytes():
    """Of this process alone; getrusage would count what stood here before exec."""
    with open('/proc/self/status', encoding='ascii') as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith('VmHWM:'))


def warm(o, torch, torch_networks):
    """(step, version), or (None, what this PyTorch does not have or cannot do)."""
    version = torch.__version__
    if o.compile and not hasattr(torch, 'compile'):
        return None, f'torch.compile in PyTorch {version}'
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    if o.fused and not has_fused_adam(torch):
        o.fused = False
        version += ' (has no fused Adam)'
    step = (make_generate if o.generate else make_step)(o, torch, torch_networks)
    try:
        for _ in range(WARM_UP):
            step()
    except Exception as e:
        if not o.compile:
            raise
        return None, f'torch.compile here: {type(e).__name__}: {e}'
    return step, version


def main():
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # other output goes to stderr, not between the answers

    def answer(text):
        answers.write(' '.join(text.split()) + '\n')
        answers.flush()

    try:
        import torch
    except ImportError as e:
        answer(f'no PyTorch: {e}')
        return
    import torch_networks
    step, words = warm(arguments(torch_networks), torch, torch_networks)
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
