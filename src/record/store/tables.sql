-- The tables of schema version 1 (promised: docs/contracts.md, Database). What came later stands in
-- migrate.c as steps that every new file takes, too.
CREATE TABLE sweep (
  sweep_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  spec_yaml TEXT NOT NULL,
  spec_hash TEXT NOT NULL,
  n_planned INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused')),
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE run (
  run_id INTEGER PRIMARY KEY,
  sweep_id INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE,
  number INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  dir TEXT NOT NULL, -- relative to this file's folder when inside it
  config_hash TEXT NOT NULL,
  config_yaml TEXT NOT NULL,
  seed INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'completed', 'diverged',
    'failed', 'interrupted', 'cancelled')),
  UNIQUE (sweep_id, config_hash, seed)
) STRICT;

CREATE TABLE param (
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  key TEXT NOT NULL,
  value ANY,
  PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX param_by_value ON param (key, value);

CREATE TABLE attempt (
  attempt_id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  no INTEGER NOT NULL,
  host TEXT,
  boot_id TEXT,
  pid INTEGER,
  pid_start INTEGER,
  cores TEXT,
  threads INTEGER,
  kernels TEXT,
  started_ms INTEGER NOT NULL,
  heartbeat_ms INTEGER,
  ended_ms INTEGER, -- NULL: nobody has seen its end
  exit_code INTEGER,
  signal INTEGER,
  outcome TEXT CHECK (outcome IN ('completed', 'diverged', 'failed', 'interrupted', 'cancelled')),
  message TEXT,
  resumed_from_step INTEGER, -- -1: from the start
  record_offset INTEGER NOT NULL DEFAULT 0,
  UNIQUE (run_id, no)
) STRICT;
CREATE INDEX attempt_open ON attempt (run_id) WHERE ended_ms IS NULL;

CREATE TABLE environment (
  attempt_id INTEGER NOT NULL REFERENCES attempt ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT,
  PRIMARY KEY (attempt_id, key)
) STRICT;

-- Rows lie in the order of their key, so a run's curve is one piece of the file.
CREATE TABLE batch_loss (
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  step INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  loss_G REAL,
  loss_GAN REAL,
  loss_pixel REAL, -- plain L1, not times lambda_pixel
  loss_D REAL,
  loss_real REAL,
  loss_fake REAL,
  lr_G REAL,
  lr_D REAL,
  seconds REAL,
  PRIMARY KEY (run_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch (
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  lr_G REAL,
  lr_D REAL,
  avg_loss_G REAL,
  avg_loss_GAN REAL,
  avg_loss_pixel REAL,
  avg_loss_D REAL,
  avg_loss_real REAL,
  avg_loss_fake REAL,
  val_loss REAL,
  val_psnr REAL,
  val_ssim REAL,
  is_best INTEGER NOT NULL CHECK (is_best IN (0, 1)),
  seconds REAL,
  PRIMARY KEY (run_id, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE sample (
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  step INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  path TEXT NOT NULL, -- relative to run.dir
  sha256 TEXT NOT NULL,
  PRIMARY KEY (run_id, step)
) STRICT;

CREATE TABLE checkpoint (
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  path TEXT NOT NULL, -- relative to run.dir
  epoch INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('periodic', 'best')),
  net TEXT NOT NULL CHECK (net IN ('generator', 'discriminator')),
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (run_id, path)
) STRICT;

CREATE TABLE event (
  event_id INTEGER PRIMARY KEY,
  run_id INTEGER REFERENCES run ON DELETE CASCADE, -- NULL: about no single run
  at_ms INTEGER NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
  kind TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_run ON event (run_id, at_ms);

CREATE TABLE run_summary (
  run_id INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
  last_step INTEGER,
  last_epoch INTEGER, -- the last one that is complete
  best_val_loss REAL,
  best_epoch INTEGER,
  final_val_loss REAL,
  final_avg_loss_G REAL,
  seconds REAL,
  images_per_s REAL
) STRICT;
