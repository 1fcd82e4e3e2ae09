"""The networks and losses of pixsweep in PyTorch, under the state_dict names of its weight files, which are those of PyTorch-GAN's pix2pix
(`unet`, `patch`) and of junyanz's (all others). Needs torch (1.8 or later) and nothing else.

    from torch_networks import generator
    g = generator('unet_256', channels=3, ngf=64, norm='batch').eval()
    g.load_state_dict(safetensors.torch.load_file('generator_min.safetensors'))
"""
from torch import cat, nn
from torch.nn import functional

GENERATORS = ('unet', 'unet_32', 'unet_64', 'unet_128', 'unet_256', 'resnet_6blocks', 'resnet_9blocks')
DISCRIMINATORS = ('patch', 'n_layers', 'pixel')
NORMS = ('instance', 'batch', 'none')
GAN_MODES = ('lsgan', 'vanilla', 'hinge')


def widths(first, count):
    """Channels of each halving."""
    return [first * min(8, 2 ** k) for k in range(count)]


def norm_layer(norm, channels):
    """Without a norm there is still a module, so that the numbers in the names of the others stay."""
    return {'instance': nn.InstanceNorm2d, 'batch': nn.BatchNorm2d, 'none': nn.Identity}[norm](channels)


def same_patch(cin, cout, bias):
    """4x4 with the padding of TensorFlow's "same": the size stays."""
    return nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(cin, cout, 4, padding=1, bias=bias)


# ---- PyTorch-GAN's ---------------------------------------------------------------------------------------------

class Block(nn.Module):
    """A convolution with what follows it."""

    def __init__(self, conv, norm, act, drop):
        super().__init__()
        layers = [conv] + ([nn.InstanceNorm2d(conv.out_channels)] if norm else []) + [act]
        self.model = nn.Sequential(*layers, *([nn.Dropout(drop)] if drop else []))

    def forward(self, x):
        return self.model(x)


def halvings(height, width):
    """Of `unet` by default: down to one pixel for powers of two, else as often as both sides can be halved."""
    def factors_of_two(n):
        return (n & -n).bit_length() - 1
    if all(side & (side - 1) == 0 for side in (height, width)):
        return factors_of_two(min(height, width))
    return min(factors_of_two(height), factors_of_two(width))


class Unet(nn.Module):
    """Skips are whole down blocks, behind their activation and dropout; the innermost has no norm."""

    def __init__(self, channels, ngf, downs, dropout):
        super().__init__()
        self.downs = downs
        c = widths(ngf, downs)
        drop = [dropout if k >= 3 else 0.0 for k in range(downs)]
        for k in range(downs):
            conv = nn.Conv2d(c[k - 1] if k else channels, c[k], 4, 2, 1, bias=False)
            setattr(self, f'down{k + 1}', Block(conv, 0 < k < downs - 1, nn.LeakyReLU(0.2), drop[k]))
        for k in reversed(range(downs - 1)):
            conv = nn.ConvTranspose2d(c[k + 1] * (1 if k == downs - 2 else 2), c[k], 4, 2, 1, bias=False)
            setattr(self, f'up{downs - 1 - k}', Block(conv, True, nn.ReLU(inplace=True), drop[k]))
        self.final = nn.Sequential(nn.Upsample(scale_factor=2), *same_patch(2 * c[0], channels, True), nn.Tanh())

    def forward(self, x):
        skips = []
        for k in range(1, self.downs + 1):
            x = getattr(self, f'down{k}')(x)
            skips.append(x)
        for k in range(1, self.downs):
            x = cat((getattr(self, f'up{k}')(x), skips[-1 - k]), 1)
        return self.final(x)


class Discriminator(nn.Module):
    """Layers under `attribute`, over the image and its source as one."""

    def __init__(self, attribute, layers):
        super().__init__()
        self.attribute = attribute
        setattr(self, attribute, nn.Sequential(*layers))

    def forward(self, image, source):
        return getattr(self, self.attribute)(cat((image, source), 1))


def patch(channels, ndf):
    c = [2 * channels] + widths(ndf, 4)
    layers = []
    for k in range(4):
        layers += [nn.Conv2d(c[k], c[k + 1], 4, 2, 1), *([nn.InstanceNorm2d(c[k + 1])] if k else []), nn.LeakyReLU(0.2, inplace=True)]
    return Discriminator('model', [*layers, *same_patch(c[4], 1, False)])


# ---- junyanz's: only instance norm leaves the convolutions in front of it their bias --------------------------------

class Level(nn.Module):
    """One halving, all that is below it, and the way back; the skip stands in front of what comes back."""

    def __init__(self, layers, outermost):
        super().__init__()
        self.model = nn.Sequential(*layers)
        self.outermost = outermost

    def forward(self, x):
        y = self.model(x)
        return y if self.outermost else cat((x, y), 1)


class UnetN(nn.Module):
    """The leaky ReLU in place changes the skip, too, which meets a ReLU in any case."""

    def __init__(self, channels, ngf, downs, norm, dropout):
        super().__init__()
        bias = norm == 'instance'
        c = widths(ngf, downs)
        level = None
        for k in reversed(range(downs)):
            outer = c[k - 1] if k else channels
            down = [nn.Conv2d(outer, c[k], 4, 2, 1, bias=bias)]
            up = [nn.ReLU(inplace=True), nn.ConvTranspose2d(c[k] * (2 if level else 1), outer, 4, 2, 1, bias=bias or k == 0)]
            if k > 0:
                down.insert(0, nn.LeakyReLU(0.2, inplace=True))
                up.append(norm_layer(norm, outer))
                if level:
                    down.append(norm_layer(norm, c[k]))
                    if dropout and k >= 4:
                        up.append(nn.Dropout(dropout))
            else:
                up.append(nn.Tanh())
            level = Level(down + ([level] if level else []) + up, k == 0)
        self.model = level

    def forward(self, x):
        return self.model(x)


class ResnetBlock(nn.Module):
    def __init__(self, channels, norm, dropout):
        super().__init__()
        bias = norm == 'instance'

        def conv():
            return nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm_layer(norm, channels)

        drop = [nn.Dropout(dropout)] if dropout else []
        self.conv_block = nn.Sequential(*conv(), nn.ReLU(inplace=True), *drop, *conv())

    def forward(self, x):
        return x + self.conv_block(x)


class Resnet(nn.Module):
    def __init__(self, channels, ngf, blocks, norm, dropout):
        super().__init__()
        bias = norm == 'instance'
        c = widths(ngf, 3)

        def behind(conv):
            return conv, norm_layer(norm, conv.out_channels), nn.ReLU(inplace=True)

        layers = [nn.ReflectionPad2d(3), *behind(nn.Conv2d(channels, c[0], 7, bias=bias))]
        for k in (0, 1):
            layers += behind(nn.Conv2d(c[k], c[k + 1], 3, 2, 1, bias=bias))
        layers += [ResnetBlock(c[2], norm, dropout) for _ in range(blocks)]
        for k in (2, 1):
            layers += behind(nn.ConvTranspose2d(c[k], c[k - 1], 3, 2, 1, output_padding=1, bias=bias))
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(c[0], channels, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


def n_layers(channels, ndf, norm, n):
    bias = norm == 'instance'
    c = widths(ndf, n + 1)
    layers = [nn.Conv2d(2 * channels, c[0], 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for k in range(1, n + 1):
        layers += [nn.Conv2d(c[k - 1], c[k], 4, 2 if k < n else 1, 1, bias=bias), norm_layer(norm, c[k]), nn.LeakyReLU(0.2, inplace=True)]
    return Discriminator('model', [*layers, nn.Conv2d(c[n], 1, 4, 1, 1)])


def pixel(channels, ndf, norm):
    bias = norm == 'instance'
    return Discriminator('net', [nn.Conv2d(2 * channels, ndf, 1), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(ndf, 2 * ndf, 1, bias=bias),
                                 norm_layer(norm, 2 * ndf), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(2 * ndf, 1, 1, bias=bias)])


# ---- by the keys of a configuration ------------------------------------------------------------------------------

def generator(name, channels=3, ngf=64, norm='instance', dropout=0.0, downs=0, height=256, width=256):
    """The sides, or `downs`, decide how deep `unet` is; the others run on every picture whose sides they divide."""
    if name == 'unet':
        return Unet(channels, ngf, downs or halvings(height, width), dropout)
    if name.startswith('unet_'):
        return UnetN(channels, ngf, int(name[5:]).bit_length() - 1, norm, dropout)
    return Resnet(channels, ngf, int(name[7]), norm, dropout)


def discriminator(name, channels=3, ndf=64, norm='instance', layers=3):
    if name == 'patch':
        return patch(channels, ndf)
    return n_layers(channels, ndf, norm, layers) if name == 'n_layers' else pixel(channels, ndf, norm)


def init_normal(module):
    """N(0, 0.02), for timing: biases stay at torch's default."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)


def gan_loss(mode):
    """loss(prediction, real, learns): whether the prediction should be "real", and whether the discriminator learns from it (else the
    generator, which hinge treats otherwise)."""
    def hinge(pred, real, learns):
        if not learns:
            return -pred.mean()
        return functional.relu(1 - pred if real else 1 + pred).mean()

    criterion = nn.MSELoss() if mode == 'lsgan' else nn.BCEWithLogitsLoss()

    def against_label(pred, real, learns):
        return criterion(pred, pred.new_full(pred.shape, float(real)))

    return hinge if mode == 'hinge' else against_label


def add_arguments(parser):
    """The hyperparameters that shape a step, as options of their names and with their defaults."""
    for name, default in (('batch_size', 8), ('img_height', 64), ('img_width', 64), ('channels', 3), ('ngf', 64), ('ndf', 64), ('downs_G', 0),
                          ('n_layers_D', 3)):
        parser.add_argument('--' + name, type=int, default=default)
    for name, values in (('generator', GENERATORS), ('discriminator', DISCRIMINATORS), ('norm', NORMS), ('gan_mode', GAN_MODES)):
        parser.add_argument('--' + name, choices=values, default=values[0])
    for name, default in (('dropout', 0.5), ('lambda_pixel', 10.0)):
        parser.add_argument('--' + name, type=float, default=default)


def networks(o):
    """(generator, discriminator) of such options."""
    return (generator(o.generator, o.channels, o.ngf, o.norm, o.dropout, o.downs_G, o.img_height, o.img_width),
            discriminator(o.discriminator, o.channels, o.ndf, o.norm, o.n_layers_D))


class Step:
    """One training step: the generator's update first, then the discriminator's on the same, detached fake."""

    def __init__(self, nets, adams, gan_mode, lambda_pixel, freeze=False):
        self.g, self.d = nets
        self.adam_g, self.adam_d = adams
        self.gan, self.pixel = gan_loss(gan_mode), nn.L1Loss()
        self.lambda_pixel, self.freeze = lambda_pixel, freeze

    def update(self, adam, loss):
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()

    def learn_d(self, on):
        """Without it, the generator's backward pass computes the discriminator's weight gradients, too, for nothing."""
        if self.freeze:
            for p in self.d.parameters():
                p.requires_grad_(on)

    def __call__(self, source, target):
        """The six losses as tensors, by the names of the database's columns."""
        fake = self.g(source)
        self.learn_d(False)
        gan, pixel = self.gan(self.d(fake, source), True, False), self.pixel(fake, target)
        total = gan + self.lambda_pixel * pixel
        self.update(self.adam_g, total)
        self.learn_d(True)
        real = self.gan(self.d(target, source), True, True)
        false = self.gan(self.d(fake.detach(), source), False, True)
        total_d = 0.5 * (real + false)
        self.update(self.adam_d, total_d)
        return dict(loss_G=total, loss_GAN=gan, loss_pixel=pixel, loss_D=total_d, loss_real=real, loss_fake=false)
