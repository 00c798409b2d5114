mod get_user;
