#!/usr/bin/env bash
# A trained generator at work, from a run, a sweep or a file of weights, on pictures, folders and arrays.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
pixels() { python3 "$here/pixels.py" "$@" || fail "pixels $*"; }

make_data data 16 4
"$PIXSWEEP" data glyphs --source DejaVuSans.ttf --target DejaVuSerif.ttf --chars ascii --size 32 --train 16 --val 4 --npy \
    --out arrays >/dev/null || fail "data glyphs --npy"
# Batches of 4 divide the 4 pairs of val/: samples are computed as generate does.
experiment exp.yaml gen 'n_epochs: 3' 'sample_interval: 1' 'checkpoint_interval: 1' 'sweep: {grid: {lambda_pixel: [1, 50]}}'
sed -i -e 's/^ngf: 4/ngf: 16/' -e 's/^batch_size: 8/batch_size: 4/' exp.yaml
run 0 res exp.yaml
run=$(ls -d res/gen/0002-*)

# same DIR DIR: the same files with the same bytes
same() { diff -r "$1" "$2" >&2 || fail "$1 and $2 differ"; }

step "the weights of an epoch make the sample picture of its last batch, level by level"
does 0 'epoch1: 4 pictures in' generate "$run/saved_models/generator_1.safetensors" data/val --pairs -o epoch1
pixels sample "$run/images/7.png" epoch1
does 0 'gen/0002-.*, its best epoch by validation loss (generator_min.safetensors)' generate gen/2 data/val --pairs -o best
pixels sample "$run/images/best.png" best

step "--last: the weights of the last epoch, of a run, its folder, and a sweep's best by final loss; refused where there are none"
does 0 'gen/0002-.*, its last weights (generator_last.safetensors)' generate gen/2 data/val --pairs --last -o last
pixels sample "$run/images/11.png" last
does 0 'its last weights' generate "$run" data/val --pairs --last -o last_folder
same last last_folder
id=$(sql res "SELECT printf('%s/%04d', sweep, number) FROM v_run ORDER BY final_val_loss LIMIT 1")
does 0 "$id-.*, the best of 2 runs of gen by final validation loss (0\..*, its last weights" \
    generate gen data/val --pairs --last -o last_sweep
does 2 '--last chooses among the weights of a run' generate "$run/saved_models/generator_1.safetensors" data/val --last -o never
cp -r "$run" unended && rm unended/saved_models/generator_last.safetensors
does 2 'has no saved_models/generator_last.safetensors: it comes when a run is completed' generate unended data/val --last -o never
rm -r unended

step "a run by number, name and folder is one thing; a sweep is its best run, and that is said"
does 0 '4 pictures' generate "$(basename "$run" | sed 's,^,gen/,')" data/val --pairs -o named
does 0 '4 pictures' generate "$run" data/val --pairs -o folder
same best named
same best folder
id=$(sql res "SELECT printf('%s/%04d', sweep, number) FROM v_run ORDER BY best_val_loss LIMIT 1")
does 0 "$id-.*, the best of 2 runs of gen by validation loss (0\." generate gen data/val --pairs -o sweep
does 0 '4 pictures' generate exp.yaml data/val --pairs -o of_file
same sweep of_file

step "the same bytes whatever the threads and the batch; a run's folder and a bare file need no database"
does 0 '4 pictures' generate "$run" data/val --pairs -o one --threads 1 --batch 1
does 0 '4 pictures' generate "$run" data/val --pairs -o five --threads 5 --batch 3
same best one
same best five
mkdir alone && cp "$run/saved_models/generator_min.safetensors" alone/g.safetensors
does 0 '4 pictures' generate alone/g.safetensors data/val --pairs -o bare --db nowhere.db
same best bare

step "arrays become arrays, pictures of one content the same pixels"
does 0 '4 pictures' generate "$run" arrays/val/glyphs.npy --pairs -o out_array
pixels array out_array/glyphs.npy best

step "results have the size of their pictures: resized and back, or mirrored at the edges and cut"
set -- data/val/*.png
mkdir odd
pixels crop "$1" 45 19 odd/a.png
pixels crop "$2" 64 32 odd/b.png
does 0 '2 pictures in .*; 2 resized to 32x32, and back' generate "$run" odd -o odd_trained
does 0 '2 pictures in .*; 1 mirrored at the edges, and cut back' generate "$run" odd -o odd_keep --size keep
says words.both 'b.png is twice as wide as the network.s pictures; if it is a pair side by side, --pairs'
for dir in odd_trained odd_keep; do
    [ "$(pixels size $dir/a.png)" = 45x19x3 ] || fail "$dir/a.png is $(pixels size $dir/a.png)"
    [ "$(pixels size $dir/b.png)" = 64x32x3 ] || fail "$dir/b.png is $(pixels size $dir/b.png)"
done
does 0 '2 pictures' generate "$run" odd -o odd_one --size keep --batch 1 --threads 3
same odd_keep odd_one
does 0 '2 pictures' generate "$run" odd -o beside --side-by-side
[ "$(pixels size beside/a.png)" = 90x19x3 ] || fail "beside/a.png is $(pixels size beside/a.png)"
pixels left beside/a.png odd/a.png

step "dropout by its seed"
does 0 '2 pictures' generate "$run" odd -o drop1 --dropout on --seed 3
does 0 '2 pictures' generate "$run" odd -o drop2 --dropout on --seed 3 --batch 1
same drop1 drop2
does 2 'has no batch norm' generate "$run" odd -o never --test-norm batch
does 2 'goes with --dropout on' generate "$run" odd -o drop3 --seed 3

step "what cannot be read is told, all of it, and the others are done"
mkdir mixed && cp odd/*.png mixed
echo "no picture" >mixed/c.png
head -c 100 odd/a.png >mixed/d.png
echo notes >mixed/notes.txt
does 1 'mixed_out: 2 pictures in .*; 3 could not be made' generate "$run" mixed missing.png -o mixed_out
says words.both 'mixed/c.png: .*not a PNG'
says words.both 'mixed/d.png: .*; copy it again'
says words.both 'missing.png'
says words.both 'mixed: 1 file that is no picture passed over'
same mixed_out odd_trained

step "what would go wrong as a whole is refused before anything is computed"
mkdir twins && cp odd/a.png twins/a.png
does 2 'odd/a.png and twins/a.png would both become a.png' generate "$run" odd twins -o never
does 2 'odd/a.png would be replaced by a result' generate "$run" odd -o odd
cp odd/a.png 7.png
does 2 'is a file of a run' generate "$run" 7.png -o "$run/images"
does 2 'needs -o DIR' generate "$run" odd
does 2 '-o 7.png: a file of this name is there; name a folder' generate "$run" odd -o 7.png
does 2 'must be one of those that this build has (png, .*), not .webp.' generate "$run" odd -o never --format webp
does 2 'must be trained or keep' generate "$run" odd -o never --size half
does 2 'no run or sweep' generate nothing odd -o never
does 2 'these are the weights of a discriminator patch of 4 halvings with ndf 4' generate "$run/saved_models/d/discriminator_min.safetensors" odd -o never
mkdir empty
does 2 'empty holds no picture' generate "$run" empty -o never
does 1 '2 could not be made' generate "$run" mixed/c.png mixed/d.png -o never
[ ! -e never ] || fail "a folder was made for what was refused"

step "weights of another program: what they do not tell is said, and set"
python3 - alone/g.safetensors <<'EOF' || fail "python3"
import json, struct, sys
data = open(sys.argv[1], 'rb').read()
n = struct.unpack('<Q', data[:8])[0]
header = json.loads(data[8:8 + n])
assert header.pop('__metadata__')['direction'] == 'BtoA'
text = json.dumps(header).encode()
open('alone/stranger.safetensors', 'wb').write(struct.pack('<Q', len(text)) + text + data[8 + n:])
EOF
does 0 'bears no configuration; by names and shapes it is a generator unet of 5 halvings with ngf 16' \
    generate alone/stranger.safetensors data/val --pairs -o stranger --set batch_size=4
says words.both 'taken to be trained with 32x32, BtoA (otherwise --set img_height=N'
same best stranger
does 0 '1 resized to 64x32, and back' generate alone/stranger.safetensors odd -o wide --set img_width=64 --set img_height=32
does 2 'there is no hyperparameter .side.' generate alone/stranger.safetensors odd -o wide --set side=64
does 2 'set lambda_pixel=5: lambda_pixel acts in training alone.*What acts here: direction, img_height,' \
    generate alone/stranger.safetensors odd -o wide --set lambda_pixel=5
does 2 'set dropout=0.3: it goes with --dropout on' generate alone/stranger.safetensors odd -o wide --set dropout=0.3

step "weights that cannot be used are refused alike: code 2, and no folder is made"
# remade WHAT: stranger.safetensors with another header, as alone/bad.safetensors
remade() {
    python3 - "$1" alone/stranger.safetensors alone/bad.safetensors <<'EOF' || fail "python3"
import json, struct, sys
what, source, result = sys.argv[1:]
data = open(source, 'rb').read()
n = struct.unpack('<Q', data[:8])[0]
header, body = json.loads(data[8:8 + n]), data[8 + n:]
if what == 'f64':
    for t in header.values():
        t['dtype'], t['data_offsets'] = 'F64', [2 * x for x in t['data_offsets']]
    body = bytes(2 * len(body))
elif what == 'renamed':
    header = {'x.' + name: t for name, t in header.items()}
elif what == 'gap':
    body += b'1234'
elif what == 'untyped':
    for t in header.values():
        del t['dtype']
text = json.dumps(header).encode()
open(result, 'wb').write((struct.pack('<Q', len(text)) + text + body)[:60 if what == 'short' else None])
EOF
}
remade f64
does 2 'tensor [a-z0-9.]* is F64, but only F32, F16 and BF16 are read: call net.float() in torch' generate alone/bad.safetensors odd -o never
remade renamed
does 2 'these are the weights of no network that is known here' generate alone/bad.safetensors odd -o never
remade gap
does 2 'bytes behind the last tensor belong to none' generate alone/bad.safetensors odd -o never
remade untyped
does 2 'dtype' generate alone/bad.safetensors odd -o never
remade short
does 2 'cut off' generate alone/bad.safetensors odd -o never
echo 'no weights' >alone/bad.safetensors
does 2 'alone/bad.safetensors: ' generate alone/bad.safetensors odd -o never
mkdir alone/folder.safetensors
does 2 'alone/folder.safetensors' generate alone/folder.safetensors odd -o never
does 2 'no.safetensors' generate alone/no.safetensors odd -o never
[ ! -e never ] || fail "a folder was made for what was refused"

step "batch norm: running statistics as the samples have them, or each picture's own"
experiment bn.yaml bn 'n_epochs: 2' 'generator: unet_32' 'norm: batch' 'sample_interval: 0'
sed -i -e 's/^ngf: 4/ngf: 16/' -e 's/^batch_size: 8/batch_size: 4/' bn.yaml
run 0 res bn.yaml
does 0 '4 pictures' generate bn data/val --pairs -o bn_usual
pixels sample res/bn/0001-base-s0/images/best.png bn_usual
does 0 '4 pictures' generate bn data/val --pairs -o bn_running --test-norm running
same bn_usual bn_running
does 0 '4 pictures' generate bn data/val --pairs -o bn_batch --test-norm batch
does 0 '4 pictures' generate bn data/val --pairs -o bn_batch1 --test-norm batch --batch 1
same bn_batch bn_batch1
does 2 'norm: batch, where here it is instance' plan bn.yaml --db nowhere.db --set 'sweep.grid.norm=[batch, instance]' \
    --set "init_from=$PWD/res/bn/0001-base-s0/saved_models/generator_min.safetensors"
does 2 'this generator has no dropout' generate bn data/val --pairs -o never --dropout on
! diff -rq bn_usual bn_batch >/dev/null || fail "--test-norm batch makes no difference"
python3 - res/bn/0001-base-s0/saved_models/generator_min.safetensors alone/parameters.safetensors <<'EOF' || fail "python3"
import json, struct, sys
data = open(sys.argv[1], 'rb').read()
n = struct.unpack('<Q', data[:8])[0]
body, header, kept = data[8 + n:], {}, b''
for name, t in json.loads(data[8:8 + n]).items():
    if name != '__metadata__' and '.running_' not in name and 'num_batches' not in name:
        part = body[t['data_offsets'][0]:t['data_offsets'][1]]
        header[name] = dict(t, data_offsets=[len(kept), len(kept) + len(part)])
        kept += part
text = json.dumps(header).encode()
open(sys.argv[2], 'wb').write(struct.pack('<Q', len(text)) + text + kept)
EOF
does 2 'no tensor .*running_mean: the weights of batch norm are there, its running statistics are not; save the whole of net.state_dict()' \
    generate alone/parameters.safetensors data/val --pairs -o never

step "a picture too large for the memory is refused with what it would need; the others are done"
mkdir large
pixels flat 3000 3000 large/l.png
cp odd/a.png large/m.png
code=0
(ulimit -v 700000 && exec "$PIXSWEEP" generate "$run" large -o large_out --size keep --threads 1) >words.both 2>&1 || code=$?
case $(cat words.both) in *AddressSanitizer*) ;; *)
    [ "$code" -eq 1 ] || fail "ended with $code: $(cat words.both)"
    says words.both 'large/l.png: 3008 x 3008 pixels need [0-9]* MB of memory, and [0-9]* MB are there: ulimit -v.*; --size trained takes less'
    says words.both 'large_out: 1 picture in .*; 1 mirrored .*; 1 could not be made' ;;
esac
does 0 '2 pictures' generate "$run" large -o large_trained
