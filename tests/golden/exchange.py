#!/usr/bin/env python3
"""Weights and losses against PyTorch, both ways, for every network and norm; by hand, since it needs PyTorch and takes minutes.

  exchange.py BUILD [--full] [--only TEXT]      BUILD: a build folder; needs torch, numpy and safetensors

For each network: the twin (tools/torch_networks.py) draws weights, running statistics too, and saves its state_dicts. pixsweep trains
three steps from them on one batch, and so does the twin: losses of the first step within 1e-5, of all within 1e-3, or as near as PyTorch in f32 is to
PyTorch in double when weights are nudged by a rounding, since Adam's first steps go along the signs of tiny gradients. The twin loads what
pixsweep saved, strictly. And outputs in evaluation within 1e-4 of the largest: of the twin's weights in pixsweep, also in the forms that older files
have, and of pixsweep's in the twin. --full: at full width, else at a quarter of it.
"""
import argparse
import copy
import os
import sqlite3
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'tools'))
import torch_networks  # noqa: E402

STEPS = 3
LOSSES = ('loss_G', 'loss_GAN', 'loss_pixel', 'loss_D', 'loss_real', 'loss_fake')
# generator, height, width, discriminator, n_layers_D, gan_mode
ROWS = [
    ('unet', 64, 64, 'patch', 3, 'lsgan'),
    ('unet', 96, 64, 'n_layers', 3, 'hinge'),
    ('unet_32', 32, 64, 'n_layers', 1, 'vanilla'),
    ('unet_64', 64, 64, 'pixel', 3, 'lsgan'),
    ('unet_128', 128, 128, 'n_layers', 5, 'vanilla'),
    ('unet_256', 256, 256, 'n_layers', 3, 'lsgan'),
    ('resnet_6blocks', 36, 44, 'n_layers', 2, 'hinge'),
    ('resnet_9blocks', 64, 64, 'patch', 3, 'lsgan'),
]


class Case:
    def __init__(self, row, norm, full):
        self.generator, self.height, self.width, self.discriminator, self.layers, self.gan_mode = row
        self.norm, self.ngf, self.ndf = norm, *((64, 64) if full else (16, 16))
        self.name = f'{self.generator} {self.height}x{self.width} {self.discriminator} {norm} {self.gan_mode}'

    def has_norm(self):
        """`unet` and `patch` have instance norm, whatever the key says."""
        return self.norm == 'instance' or self.generator != 'unet' or self.discriminator != 'patch'

    def make_generator(self, dropout=0.0):
        return torch_networks.generator(self.generator, 3, self.ngf, self.norm, dropout, 0, self.height, self.width)

    def make_discriminator(self):
        return torch_networks.discriminator(self.discriminator, 3, self.ndf, self.norm, self.layers)


def draw(net):
    """As a trained network has them: norms away from 1 and 0."""
    net.apply(torch_networks.init_normal)
    for key, value in net.state_dict().items():
        if key.endswith('running_mean'):
            value.normal_(0, 0.1)
        elif key.endswith('running_var') or (key.endswith('weight') and value.dim() == 1):
            value.uniform_(0.5, 1.5)
    return net


def to_pictures(x):
    return x.permute(0, 2, 3, 1).numpy()


def evaluate(net, source):
    with torch.no_grad():
        fake = net.eval()(source)
    net.train()
    return to_pictures(fake)


def distance(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


def nudge(net):
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1 + 2.0 ** -23 * torch.randint(-1, 2, p.shape))
    return net


def of_older_files(net):
    """DataParallel's names; instance norms have running statistics, batch norms do not count."""
    state = {f'module.{key}': value for key, value in net.state_dict().items() if not key.endswith('num_batches_tracked')}
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.InstanceNorm2d):
            state[f'module.{name}.running_mean'] = torch.zeros(module.num_features)
            state[f'module.{name}.running_var'] = torch.ones(module.num_features)
    return state


class Refused(Exception):
    pass


def call(*args, cwd=None):
    done = subprocess.run(args, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stdout.strip())


class Pixsweep:
    def __init__(self, build, folder):
        self.build, self.folder = os.path.abspath(build), folder

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def apply(self, weights, source):
        np.save(self.path('in.npy'), to_pictures(source))
        call(os.path.join(self.build, 'tests/model/apply'), weights, self.path('in.npy'), self.path('out.npy'))
        return np.load(self.path('out.npy'))

    def run(self, case, pairs):
        """(losses [steps, 6], folder of the weights) of STEPS epochs of one batch"""
        os.makedirs(self.path('data', 'train'))
        np.save(self.path('data', 'train', 'pairs.npy'), pairs)
        keys = dict(name='exchange', dataset='data', init_from='w/generator_0.safetensors', generator=case.generator,
                    discriminator=case.discriminator, gan_mode=case.gan_mode, img_height=case.height, img_width=case.width, ngf=case.ngf,
                    ndf=case.ndf, batch_size=len(pairs), dropout=0, n_epochs=STEPS, validation='off', shuffle='false', sample_interval=0)
        if case.norm != 'instance':
            keys['norm'] = case.norm
        if case.discriminator == 'n_layers':
            keys['n_layers_D'] = case.layers
        with open(self.path('exchange.yaml'), 'w', encoding='utf-8') as f:
            f.writelines(f'{key}: {value}\n' for key, value in keys.items())
        call(os.path.join(self.build, 'src/cli/pixsweep'), 'run', 'exchange.yaml', '--quiet', cwd=self.folder)
        with sqlite3.connect(self.path('results', 'pixsweep.db')) as db:
            losses = db.execute(f'SELECT {", ".join(LOSSES)} FROM batch_loss ORDER BY step').fetchall()
        return np.array(losses), self.path('results', 'exchange', os.listdir(self.path('results', 'exchange'))[0], 'saved_models')


def train(nets, case, source, target):
    """Losses [STEPS, 6]."""
    adams = [torch.optim.Adam(net.parameters(), lr=1e-4, betas=(0.5, 0.999)) for net in nets]
    step = torch_networks.Step(nets, adams, case.gan_mode, 10.0)
    return np.array([[loss.item() for loss in step(source, target).values()] for _ in range(STEPS)])


def distances(case, build, folder):
    """{what: (distance, allowed)}"""
    pixsweep = Pixsweep(build, folder)
    torch.manual_seed(1)
    pairs = np.random.default_rng(1).integers(0, 256, (2, case.height, 2 * case.width, 3), np.uint8)
    target, source = (torch.tensor(half / 127.5 - 1, dtype=torch.float32).permute(0, 3, 1, 2).contiguous() for half in np.split(pairs, 2, 2))
    g, d = draw(case.make_generator()), draw(case.make_discriminator())
    os.makedirs(pixsweep.path('w', 'd'))
    save_file(g.state_dict(), pixsweep.path('w', 'generator_0.safetensors'))
    save_file(d.state_dict(), pixsweep.path('w', 'd', 'discriminator_0.safetensors'))
    save_file(of_older_files(g), pixsweep.path('older.safetensors'))
    fake = evaluate(g, source)
    found = {'theirs here': (distance(pixsweep.apply(pixsweep.path('w', 'generator_0.safetensors'), source), fake), 1e-4),
             'older files': (distance(pixsweep.apply(pixsweep.path('older.safetensors'), source), fake), 1e-4)}
    if case.generator.startswith('resnet'):  # whose names are others with dropout
        other = draw(case.make_generator(0.5))
        save_file(other.state_dict(), pixsweep.path('dropout.safetensors'))
        found['with dropout'] = (distance(pixsweep.apply(pixsweep.path('dropout.safetensors'), source), evaluate(other, source)), 1e-4)

    ours, weights = pixsweep.run(case, pairs)
    exact = train([copy.deepcopy(net).double() for net in (g, d)], case, source.double(), target.double())
    nudged = [train([nudge(copy.deepcopy(net)) for net in (g, d)], case, source, target) for _ in range(3)]
    theirs = train((g, d), case, source, target)
    relative, drift = np.abs(ours / theirs - 1), max(np.abs(losses / exact - 1).max() for losses in [theirs, *nudged])
    found.update({'first step': (relative[0].max(), 1e-5), 'all steps': (relative.max(), max(1e-3, 4 * drift))})

    file = os.path.join(weights, f'generator_{STEPS - 1}.safetensors')
    trained_g, trained_d = case.make_generator(), case.make_discriminator()
    trained_g.load_state_dict(load_file(file), strict=True)
    trained_d.load_state_dict(load_file(os.path.join(weights, 'd', f'discriminator_{STEPS - 1}.safetensors')), strict=True)
    found['ours there'] = (distance(pixsweep.apply(file, source), evaluate(trained_g, source)), 1e-4)
    running = [(mine.float() - theirs_.float()).abs().max().item() for net, other in ((g, trained_g), (d, trained_d))
               for (key, mine), theirs_ in zip(net.named_buffers(), other.buffers())]
    if running:
        found['statistics'] = (max(running), max(1e-3, 4 * drift))
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('build')
    p.add_argument('--full', action='store_true')
    p.add_argument('--only', default='', help='cases whose name has this text')
    o = p.parse_args()
    torch.set_num_threads(2)
    cases = [Case(row, norm, o.full) for row in ROWS for norm in torch_networks.NORMS]
    wrong = 0
    for case in (c for c in cases if c.has_norm() and o.only in c.name):
        try:
            with tempfile.TemporaryDirectory(prefix='pixsweep-exchange.') as folder:
                found = distances(case, o.build, folder)
        except Refused as e:
            print(f'{case.name}: WRONG: {e}', flush=True)
            wrong += 1
            continue
        bad = [what for what, (far, allowed) in found.items() if not far <= allowed]
        wrong += len(bad)
        print(f'{case.name}: ' + ', '.join(f'{what} {far:.1e}' for what, (far, _) in found.items()) +
              (f'  WRONG: {", ".join(bad)}' if bad else ''), flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
