#!/usr/bin/env bash
# Pictures of a real sweep: every format, whole files or none, the same bytes twice, while runs are under way.
. "$(dirname "$0")/lib.sh"

make_data data 24 8
experiment exp.yaml pic 'n_epochs: 4' 'sample_interval: 3' 'checkpoint_interval: 0' 'sweep:' \
    '  grid: {lr_policy_G: [constant, halve]}' '  seeds: 2'

plot() {
    local expected=$1 code=0
    shift
    "$PIXSWEEP" plot --results res "$@" >plot.out 2>plot.err || code=$?
    [ "$code" -eq "$expected" ] || fail "plot $* ended with $code, not $expected"
}

step "before anything is there"
plot 2 -o x.png
says plot.err 'no database'
[ ! -e x.png ] || fail "a picture of nothing"

run 0 res exp.yaml
before=$(sqlite3 -batch res/pixsweep.db .dump | sha256sum)

step "every format, twice the same"
for end in png svg pdf; do
    plot 0 pic -o "one.$end"
    says plot.out "one.$end: 2 configurations, 4 runs"
    [ "$end" != pdf ] || sleep 1.1 # a PDF has a date, which shall not be now
    plot 0 pic -o "two.$end"
    cmp "one.$end" "two.$end" || fail "$end: the same data, other bytes"
done
python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' one.svg || fail "one.svg is no XML"
head -c 8 one.png | od -An -tx1 | grep -q '89 50 4e 47 0d 0a 1a 0a' || fail "one.png is no PNG"

step "samples, and names by themselves"
plot 0 pic --samples -o grid.svg --glyphs 2 --epochs 0,3
says plot.out 'grid.svg: 2 configurations, 2 runs'
plot 0
says plot.out 'res/pic/curves.png: 2 configurations'
plot 0 pic --samples
[ -s res/pic/samples.png ] || fail "no samples.png"
plot 0 1 --log --metric loss_D,lr_D
says plot.out 'res/pic/0001-lr_policy_G-constant-s0/curves.png: 1 configuration, 1 run,'
[ "$before" = "$(sqlite3 -batch res/pixsweep.db .dump | sha256sum)" ] || fail "plot wrote to the database"

step "a run whose pictures are gone keeps its row"
rm -r res/pic/0001-*/images
plot 0 pic --samples -o gone.png
says plot.out '2 configurations, 2 runs'
rm -r res/pic/0003-*/images
plot 2 pic --samples -o none.png
says plot.err 'No such file'
[ ! -e none.png ] || fail "a picture of nothing"

step "mistakes"
plot 2 pic -o curves.jpg
says plot.err '.png, .svg or .pdf'
plot 2 pic -o x.png --metric val_los
says plot.err "there is no 'val_los'"
plot 2 pic -o x.png --size 10x10
says plot.err 'WIDTHxHEIGHT'
plot 2 pic -o x.png --glyphs 3
says plot.err 'goes with --samples'
plot 2 pic --samples --log
says plot.err 'for curves'
plot 2 pic --samples --epochs 3,1 -o x.png
says plot.err 'each larger than the one before'
plot 2 pic -o nowhere/x.png
says plot.err 'nowhere'
plot 2 pic -o x.png --where 'lrgd <'
says plot.err 'syntax error'

step "a system without fonts"
echo '<fontconfig></fontconfig>' >fonts.conf
FONTCONFIG_FILE=$PWD/fonts.conf plot 2 pic -o x.png
says plot.err 'fonts-dejavu-core'

step "letters that no font here has are told, with the package that has them"
cp -r res named
sqlite3 -batch named/pixsweep.db "UPDATE sweep SET name = '楷体 हिन्दी 🎉'; UPDATE run SET name = replace(name, 'pic/', '楷体/')"
dejavu=$(dirname "$(find /usr/share/fonts -name DejaVuSans.ttf | head -n 1)")
echo "<fontconfig><dir>$dejavu</dir></fontconfig>" >fonts.conf
FONTCONFIG_FILE=$PWD/fonts.conf "$PIXSWEEP" plot --results named -o x.png >plot.out 2>plot.err || fail "plot without letters: $(cat plot.err)"
says plot.err 'warning: no font here has the Chinese, Japanese or Korean characters 楷 体.*install fonts-noto-cjk or fonts-wqy-microhei'
says plot.err 'letters of other scripts ह .*install fonts-noto-core'
says plot.err 'pictures 🎉.*install fonts-noto-color-emoji'
FONTCONFIG_FILE=$PWD/fonts.conf plot 0 pic -o x.png
[ ! -s plot.err ] || fail "DejaVu has these letters: $(cat plot.err)"

step "a file that cannot be written leaves the old one as it is"
cp one.png old.png
code=0
(ulimit -f 1 && trap '' XFSZ && exec "$PIXSWEEP" plot --results res pic -o old.png >plot.out 2>plot.err) || code=$?
[ $code -eq 1 ] || fail "plot into a full file ended with $code"
cmp one.png old.png || fail "the old picture has changed"
[ -z "$(find . -name '*.tmp.*')" ] || fail "left behind: $(find . -name '*.tmp.*')"

step "while it runs"
experiment long.yaml long 'n_epochs: 5000' 'validation: off' 'sample_interval: 0' 'checkpoint_interval: 0'
"$PIXSWEEP" run long.yaml --results res >run.out 2>run.err &
pid=$!
soon res "SELECT count(*) > 20 FROM batch_loss JOIN run USING (run_id) WHERE name LIKE 'long/%'" 1
plot 0 long -o long.png
says plot.out '1 configuration, 1 run'
plot 2 long -o val.png --metric val_loss
says plot.err 'no run has a value of val_loss yet'
kill -TERM $pid
wait $pid 2>/dev/null || true
