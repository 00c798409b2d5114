mod revoke_token;
