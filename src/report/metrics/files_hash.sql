substr(r.config_yaml, nullif(instr(r.config_yaml, '# data files sha256 '), 0) + length('# data files sha256 '), 64)
