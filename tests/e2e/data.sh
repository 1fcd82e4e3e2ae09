#!/usr/bin/env bash
# What users hand over as data: each mistake in words, with a remedy that works, in `data check`, `plan` and `run`.
fixtures=$(cd "$(dirname "$0")/../image/fixtures" && pwd)
. "$(dirname "$0")/lib.sh"

make_data data 16 4

# check CODE DIR: `data check` must end with CODE; what it said is in check.out
check() {
    local code=0
    "$PIXSWEEP" data check "$2" >check.out 2>&1 || code=$?
    [ "$code" -eq "$1" ] || fail "data check $2 ended with $code, not $1: $(cat check.out)"
}
# plan CODE ARGS...: what it said is in plan.out
plan() {
    local expected=$1 code=0
    shift
    "$PIXSWEEP" plan --results res "$@" >plan.out 2>&1 || code=$?
    [ "$code" -eq "$expected" ] || fail "plan $* ended with $code, not $expected: $(cat plan.out)"
}
pointer='version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'

step "a Git LFS pointer in the place of a picture or of weights is told by name, by check, plan and run"
experiment exp.yaml lfs 'n_epochs: 1'
cp -r data good
set -- data/train/*.png
printf "$pointer" >"$1"
check 1 data
says check.out "$(basename "$1"): a Git LFS pointer, not a PNG, JPEG or TIFF; fetch the file itself: .git lfs pull"
plan 2 exp.yaml
says plan.out 'a Git LFS pointer, not a PNG, JPEG or TIFF'
run 2 res exp.yaml
says run.err 'a Git LFS pointer, not a PNG, JPEG or TIFF'
rm -r data && mv good data
printf "$pointer" >generator_min.safetensors
experiment exp.yaml lfs 'n_epochs: 1' 'init_from: generator_min.safetensors'
plan 2 exp.yaml
says plan.out 'init_from: .*generator_min.safetensors: a Git LFS pointer, not a safetensors file; .*git lfs pull'
run 2 res exp.yaml
says run.err 'a Git LFS pointer, not a safetensors file'
[ ! -e res/pixsweep.db ] || fail "something was started"

step "JPEG and TIFF train beside PNG; a decoder that gives other pixels of the same files is told from other files"
mkdir -p photos/train/A photos/train/B
cp "$fixtures/rgb420.jpg" photos/train/A/1.jpg && cp "$fixtures/tiff-orientation6.tif" photos/train/A/2.tif
cp "$fixtures/scene.png" photos/train/B/1.png && cp "$fixtures/orientation6.jpg" photos/train/B/2.JPG
if "$PIXSWEEP" data check photos 2>&1 | grep -q 'which this build does not read'; then
    check 1 photos
else
    check 0 photos
    says check.out '2 of 4 pictures state an EXIF orientation and are turned as viewers turn them (the first in train/A/2.tif)'
    mkdir -p half/train/A half/train/B
    cp "$fixtures/scene.png" half/train/A/2.png && cp "$fixtures/orientation6.jpg" half/train/B/2.jpg
    check 0 half
    says check.out '1 of 2 pictures state an EXIF orientation .* (the first in train/B/2.jpg)'
    experiment exp.yaml photos 'n_epochs: 1' 'batch_size: 1' 'validation: off' 'val_fraction: 0'
    sed -i -e '/^batch_size: 8/d' -e 's/^dataset: .*/dataset: photos/' exp.yaml
    run 0 photographed exp.yaml
    db=photographed/pixsweep.db
    [ "$(sqlite3 $db "SELECT count(*) FROM environment WHERE key IN ('libjpeg', 'libpng', 'libtiff') AND value <> ''")" = 3 ] ||
        fail "the environment does not name the decoders"
    run 0 photographed exp.yaml # all is done, and the data are the same
    # As another version of libjpeg would have left it.
    sqlite3 $db "UPDATE run SET config_hash = 'another', config_yaml = replace(config_yaml,
        substr(config_yaml, instr(config_yaml, '# data sha256 '), 78), '# data sha256 ' || printf('%064d', 7))"
    rm -r photographed/photos
    run 2 photographed exp.yaml
    says run.err 'its files are those that run photos/0001-base-s0 was planned with, but its lossy pictures (JPEG) decode to other pixels here'
    cp "$fixtures/rgb422.jpg" photos/train/A/1.jpg
    run 2 photographed exp.yaml
    says run.err 'its content changed since run photos/0001-base-s0 was planned'
fi

step "labels 0 and 1 as a target: check, plan and run warn with half, range and remedy"
mkdir -p masks/train/A masks/train/B
set -- data/train/*.png
cp "$1" masks/train/A/1.png && cp "$2" masks/train/A/2.png
echo iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAAAAABWESUoAAAAI0lEQVR4nGNggAJGKMDFH+4KBrXj6KhgMLllIBUMasfRTwEAJFwCAUOyQCIAAAAASUVORK5CYII= |
    base64 -d >masks/train/B/1.png
echo iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAAAAABWESUoAAAAJUlEQVR4nGNghAIGKEDnYwgMUwWDyS0DqWBQO46OCgaTWwZQAQAkXAIB32LL3wAAAABJRU5ErkJggg== |
    base64 -d >masks/train/B/2.png
warning='half B (B/) holds only 0 to 1 of 255 in all pairs of train/: black to the eye and to the network. Labels? multiply them by 255'
check 0 masks
says check.out "warning: $warning"
says check.out 'differ in size (train/A/1.png: A 64 x 32, B 32 x 32)'
experiment exp.yaml masks 'n_epochs: 1' 'batch_size: 1' 'validation: off' 'val_fraction: 0'
sed -i -e '/^batch_size: 8/d' -e 's/^dataset: .*/dataset: masks/' exp.yaml
plan 0 exp.yaml
says plan.out "$warning"
run 0 masked exp.yaml
says run.err "$warning"

step "a pipe among the pictures is refused at once, what a NAS leaves is passed over"
mkfifo data/train/zz.png
mkdir data/train/@eaDir
check 1 data
says check.out 'error: train/zz.png: a pipe, not a file'
says check.out 'note: passed over: train/@eaDir/'
rm data/train/zz.png
check 0 data

# partners NAMES_A NAMES_B: a picture for each name (blanks in names are written as ~), in twos/train/A and B
partners() {
    local name i=0
    rm -rf twos && mkdir -p twos/train/A twos/train/B
    for name in $1; do
        i=$((i + 1))
        cp "good$i.png" "twos/train/A/${name//\~/ }"
    done
    i=0
    for name in $2; do
        i=$((i + 1))
        cp "good$((9 - i)).png" "twos/train/B/${name//\~/ }"
    done
}
# renamed PAIRS WORDS [ALL]: check names the remedy in these words, its command does it, and then check is content
renamed() {
    check 1 twos
    says check.out "train: $1 pairs would match $2"
    sed -n 's/^error: train: .*this renames them: //p' check.out >rename.sh
    sh ./rename.sh || fail "the command failed: $(cat rename.sh)"
    check 0 twos
    says check.out "^twos: ${3:-$1} pairs to train on"
}
i=0
for picture in data/train/*.png; do
    i=$((i + 1))
    cp "$picture" "good$i.png"
done
e_composed=$(printf 'caf\303\251') e_parts=$(printf 'cafe\314\201') ga_composed=$(printf '\343\201\214') ga_parts=$(printf '\343\201\213\343\202\231')
han_composed=$(printf '\355\225\234') han_parts=$(printf '\341\204\222\341\205\241\341\206\253')

step "names in A/ and B/ that nearly match: what they lack is said in one line, with a command that works"
partners '0_A.png 1_A.png 2_A.png' '0_B.png 1_B.png 2_B.png'
renamed 3 "without the ending '_A' in A/ and '_B' in B/"
partners '0.png 1.png 2.png' '0_fake_B.png 1_fake_B.png 2_fake_B.png'
renamed 3 "without the ending '_fake_B' in B/"
partners 'cat-A.png dog-A.png' 'cat-B.PNG dog-B.PNG'
renamed 2 "without the ending '-A' in A/ and '-B' in B/"
partners 'A_01.png A_02.png A_03.png' 'B_01.png B_02.png B_03.png'
renamed 3 "without the beginning 'A_' in A/ and 'B_' in B/"
partners '1.png 2.png 10.png' '001.png 002.png 010.png'
renamed 3 "without leading zeros"
partners 'img1_A.png img2_A.png img10_A.png' 'img0001_B.png img0002_B.png img0010_B.png'
renamed 3 "without leading zeros and without the ending '_A' in A/ and '_B' in B/"
partners 'Cat.png DOG.png' 'cat.png dog.png'
renamed 2 "all in lower case"
partners 'Cat.png DOG.png Owl.png' 'cat.png dog.png Owl.png'
renamed 2 "all in lower case" 3
partners "$(printf '\303\204pfel')~01_A.png $(printf '\303\204pfel')~02_A.png" "$(printf 'A\314\210PFEL')~1_b.png $(printf 'A\314\210PFEL')~2_b.png"
renamed 2 ".*without the ending '_a' in A/ and '_b' in B/"
partners "$e_composed.png $ga_composed.png $han_composed.png" "$e_parts.png $ga_parts.png $han_parts.png"
renamed 3 "in one Unicode form"
partners '1~.png ~2.png 3.png' '1.png 2.png 3.png'
renamed 2 "without blanks" 3
partners "$(printf '1\302\240.png') 2~3.png" '1.png 23.png'
renamed 2 "without blanks"
partners 'a-1.png a-2.png' 'a_1.png a_2.png'
renamed 2 "with _ for every - . and blank"
partners '1.jpg.png 2.jpg.png' '1.png 2.png'
renamed 2 "without the ending '.jpg' in A/"
partners "it's~1.png it's~2.png" '1.png 2.png'
renamed 2 "without the beginning 'it's ' in A/"
partners '1.png 2.png 3.png' '4.png 5.png 6.png'
check 1 twos
[ "$(grep -c 'has no partner' check.out)" = 6 ] || fail "six names were expected"
! grep -q 'would match' check.out || fail "nothing would match here"

step "pictures with _A and _B in one folder: the command that check names makes pairs of them"
mkdir mine && i=0
for picture in "$WORK"/data/train/*.png; do
    i=$((i + 1))
    [ $i -le 4 ] || break
    cp "$picture" "mine/${i}_A.png" && cp "$picture" "mine/${i}_B.png"
done
cp mine/1_A.png mine/cover.png
check 1 mine
says check.out 'pixsweep data pairs --a mine --b mine --out mine-pairs'
"$PIXSWEEP" data pairs --a mine --b mine --out mine-pairs >make.out 2>make.err || fail "data pairs: $(cat make.err)"
says make.out 'mine-pairs: 4 pairs'
says make.err 'left out: .*cover.png: no partner'
says mine-pairs/left_out.txt cover.png
check 0 mine-pairs
says check.out 'A is 64 x 32 pixels, B too; direction BtoA, the default, takes B as source and learns to make A'
says check.out '4 of 4 pairs (A/1.png, A/2.png, A/3.png, A/4.png): both halves are the same picture'
"$PIXSWEEP" data pairs --a mine --b mine --out mine-pairs 2>make.err && fail "it was made twice"
says make.err 'mine-pairs exists; remove it, or choose another --out'

step "pictures alone become pairs with their edges, and train"
"$PIXSWEEP" data edges data/train --size 32 --out edges --threads 2 >make.out 2>make.err || fail "data edges: $(cat make.err)"
check 0 edges
experiment edges.yaml edges 'n_epochs: 1' 'val_fraction: 0.25'
sed -i 's/^dataset: .*/dataset: edges/' edges.yaml
run 0 edged edges.yaml

step "layouts of other projects train where they lie, as the same data"
mkdir -p laid/train/A laid/train/B laid/val/A laid/val/B cycle/trainA cycle/trainB cycle/testA cycle/testB flat
i=0
for picture in data/train/*.png; do
    i=$((i + 1))
    [ $i -le 8 ] || break
    split=train && [ $i -gt 6 ] && split=val
    cp "$picture" "laid/$split/A/$i.png" && cp "good$(((i % 4) + 1)).png" "laid/$split/B/$i.png"
    cp "$picture" "flat/$i.png"
done
for side in A B; do
    cp laid/train/$side/* cycle/train$side/ && cp laid/val/$side/* cycle/test$side/
done
check 0 laid
content=$(grep '^content' check.out)
check 0 cycle
says check.out 'warning: testA/ and testB/ validate, since there is no val'
[ "$(grep '^content' check.out)" = "$content" ] || fail "other content: $(cat check.out)"
check 0 flat
says check.out 'flat: 8 pairs to train on, 0 to validate with (no val/'
for set in cycle flat; do
    experiment $set.yaml $set 'n_epochs: 1' 'val_fraction: 0.25'
    [ $set = flat ] || sed -i '/val_fraction/d' $set.yaml
    sed -i "s/^dataset: .*/dataset: $set/" $set.yaml
    run 0 layouts $set.yaml
done
expect layouts "SELECT count(*) FROM run WHERE state = 'completed'" 2
