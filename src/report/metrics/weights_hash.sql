substr(r.config_yaml, nullif(instr(r.config_yaml, '# init_from sha256 '), 0) + length('# init_from sha256 '), 64)
