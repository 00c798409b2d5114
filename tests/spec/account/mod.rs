mod delete_user;
mod get_user;
