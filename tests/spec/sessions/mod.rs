mod global_sign_out;
