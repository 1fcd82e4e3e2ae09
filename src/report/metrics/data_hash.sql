substr(r.config_yaml, nullif(instr(r.config_yaml, '# data sha256 '), 0) + length('# data sha256 '), 64)
