"""Rates of torch.optim.lr_scheduler, written as schedules_golden.h: python3 make_schedules.py > schedules_golden.h (PyTorch 2.13)."""
import math
import torch
from torch.optim import lr_scheduler as ls

BASE, EPOCHS, BATCHES = 2e-4, 40, 7


def rates(make, steps, metrics=None):
    """The rate before each of `steps` steps of the scheduler."""
    opt = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=BASE)
    sched, out = make(opt), []
    for k in range(steps):
        out.append(opt.param_groups[0]["lr"])
        opt.step()
        if metrics is None:
            sched.step()
        else:
            sched.step(metrics[k])
    return out


def warm(opt, policy, n):
    """Linear warm-up over n steps, then the policy from its first step."""
    return ls.SequentialLR(opt, [ls.LinearLR(opt, start_factor=1 / n, end_factor=1.0, total_iters=n - 1), policy(opt)], [n])


def pix2pix(n, decay):
    """networks.get_scheduler of pytorch-CycleGAN-and-pix2pix, policy linear, with epoch_count 1; its n_epochs is n - decay here."""
    return lambda e: 1.0 - max(0, e + 1 - (n - decay)) / float(decay + 1)


def losses():
    """Falls, stalls, falls by less than the threshold, jumps, stalls for long."""
    out = [1.0 / (1 + 0.3 * e) for e in range(12)]
    out += [0.26, 0.25, 0.2499999, 0.24999, 0.27, 0.24]
    out += [0.24 + 0.001 * math.sin(e) for e in range(80 - len(out))]
    return out


def one_cycle(opt):
    return ls.OneCycleLR(opt, max_lr=2e-3, total_steps=EPOCHS * BATCHES, pct_start=0.3, div_factor=2e-3 / BASE,
                         final_div_factor=1e4, cycle_momentum=False)


tables = {
    "step": rates(lambda o: ls.StepLR(o, 7, 0.1), EPOCHS),
    "multistep": rates(lambda o: ls.MultiStepLR(o, [3, 20, 21], 0.5), EPOCHS),
    "exponential": rates(lambda o: ls.ExponentialLR(o, 0.9), EPOCHS),
    "linear": rates(lambda o: ls.LambdaLR(o, pix2pix(EPOCHS, 15)), EPOCHS),
    "cosine": rates(lambda o: ls.CosineAnnealingLR(o, EPOCHS, 1e-6), EPOCHS),
    "cosine_restarts": rates(lambda o: ls.CosineAnnealingWarmRestarts(o, 5, 2, 1e-6), EPOCHS),
    "cosine_restarts_even": rates(lambda o: ls.CosineAnnealingWarmRestarts(o, 6, 1), EPOCHS),
    "polynomial": rates(lambda o: ls.PolynomialLR(o, EPOCHS, 0.9), EPOCHS),
    "one_cycle": rates(one_cycle, EPOCHS * BATCHES),
    "plateau": rates(lambda o: ls.ReduceLROnPlateau(o, "min", factor=0.3, patience=3, threshold=1e-3, min_lr=1e-6), 80, losses()),
    "plateau_losses": losses(),
    # batch by batch: 3 epochs of warm-up, then a policy that does not count them
    "warm_constant": rates(lambda o: warm(o, lambda p: ls.ConstantLR(p, factor=1.0), 3 * BATCHES), EPOCHS * BATCHES),
    "warm_one_cycle": None,
}
# SequentialLR cannot hold a OneCycleLR that begins at another rate than the optimiser's: the two parts one after the other
tables["warm_one_cycle"] = (
    tables["warm_constant"][: 3 * BATCHES]
    + rates(lambda o: ls.OneCycleLR(o, max_lr=2e-3, total_steps=(EPOCHS - 3) * BATCHES, pct_start=0.25, div_factor=2e-3 / BASE,
                                    final_div_factor=1e4, cycle_momentum=False), (EPOCHS - 3) * BATCHES))

print("/* Written by make_schedules.py from torch.optim.lr_scheduler (PyTorch %s). */" % torch.__version__.split("+")[0])
print("/* clang-format off */")
for name, values in tables.items():
    print("static const double golden_%s[] = {" % name)
    for i in range(0, len(values), 5):
        print("    " + ", ".join("%.17g" % v for v in values[i:i + 5]) + ",")
    print("};")
print("/* clang-format on */")
