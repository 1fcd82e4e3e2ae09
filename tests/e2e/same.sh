# Asking databases, and whether two hold the same to the last bit. Usage: sourced by a script that has `fail`.

sql() { sqlite3 -batch "file:$1/pixsweep.db?mode=ro" "$2"; }

# expect RESULTS SQL VALUE
expect() {
    local value
    value=$(sql "$1" "$2") || fail "no answer to: $2"
    [ "$value" = "$3" ] || fail "$2: $value, not $3"
}

# same_rows A B: both databases hold the same of everything that is measured, to the last bit, seconds apart
same_rows() {
    local table columns
    while read -r table columns; do
        for pair in "main other" "other main"; do
            set -- "$1" "$2" $pair
            local differing
            differing=$(sqlite3 -batch "$1/pixsweep.db" "ATTACH '$2/pixsweep.db' AS other;
                SELECT count(*) FROM (SELECT r.number, $columns FROM $3.$table JOIN $3.run r USING (run_id)
                EXCEPT SELECT r.number, $columns FROM $4.$table JOIN $4.run r USING (run_id))")
            [ "$differing" = 0 ] || fail "$differing rows of $table are in $3 only ($1, $2)"
        done
    done <<TABLES
batch_loss step, epoch, batch, loss_G, loss_GAN, loss_pixel, loss_D, loss_real, loss_fake, lr_G, lr_D
epoch epoch, lr_G, lr_D, avg_loss_G, avg_loss_GAN, avg_loss_pixel, avg_loss_D, avg_loss_real, avg_loss_fake, val_loss, is_best
sample step, epoch, path, sha256
best_sample step, epoch, path, sha256
checkpoint path, epoch, kind, net, sha256, bytes
TABLES
}

# files_as_listed RESULTS: every picture and checkpoint in the database is there with its hash
files_as_listed() {
    local n
    sql "$1" "SELECT sha256 || '  ' || iif(dir LIKE '/%', '', '$1/') || dir || '/' || path FROM (SELECT run_id, path, sha256 FROM sample
              UNION ALL SELECT run_id, path, sha256 FROM best_sample UNION ALL SELECT run_id, path, sha256 FROM checkpoint) JOIN run USING (run_id)" >listed.txt
    n=$(wc -l <listed.txt)
    [ "$n" -gt 0 ] || fail "no files are listed"
    sha256sum --quiet -c listed.txt >&2 || fail "listed files differ from those in $1"
}

sound() {
    expect "$1" "PRAGMA integrity_check" ok
    expect "$1" "SELECT count(*) FROM pragma_foreign_key_check" 0
    expect "$1" "SELECT count(*) FROM run WHERE state = 'running'" 0
    expect "$1" "SELECT count(*) FROM attempt WHERE ended_ms IS NULL" 0
}
