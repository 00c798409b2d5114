//! `ListUsers`: the users of a pool, or those that a filter finds, page by page.
//!
//! The list goes by usernames, in the order of their comparison form: nobody's ever changes, so a user who is there all the
//! time stands in one page, whatever else comes and goes. A filter that an index answers finds its one user at once; any
//! other one looks at users in turn, so many for each page and no more, and the page may be short.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::aliases::alias_key;
use crate::context::pools::Pool;
use crate::context::users::{User, status_name};
use crate::domain::ids::Sub;
use crate::domain::user_filter::{Comparison, SearchAttribute, UserFilter};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::operations::{attribute_list, invalid_page_token, listed_user, page_size};
use crate::store::{AliasKey, Owner, UserKey, UsernameKey};

/// Users whom one request looks at; then it answers with what it has found.
const USERS_EXAMINED_MAX: usize = 2_000;

/// Users who are read together, away from the threads that must not wait.
const USERS_PER_READ: usize = 250;

/// What one request finds, and the name after which the list goes on.
struct Page {
    users: Vec<User>,
    last: Option<String>,
}

impl Operation for api::ListUsersRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::ListUsersResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let filter = UserFilter::parse(self.filter())?;
        self.refuse_unknown_attributes(&pool)?;
        let written = filter.as_ref().map(UserFilter::to_string).unwrap_or_default();
        let list = ["ListUsers", &pool.id.0, &written];
        let open = |token: &String| cx.opaque_tokens.open_page(&list, token).ok_or_else(invalid_page_token);
        let after = self.pagination_token.as_ref().map(open).transpose()?;
        let page = match filter.as_ref().and_then(|filter| Some((filter, index(&pool, filter)?))) {
            Some((filter, index)) => Page { users: in_index(cx, &pool, filter, index).await?, last: None },
            None => in_turn(cx, &pool, filter.as_ref(), after, page_size(self.limit)).await?,
        };
        Ok(api::ListUsersResponse {
            users: page.users.iter().map(|user| listed_user(user, self.attributes_of(user))).collect(),
            pagination_token: page.last.map(|last| cx.opaque_tokens.mint_page(&list, &last, &cx.rng)),
        })
    }
}

impl api::ListUsersRequest {
    fn refuse_unknown_attributes(&self, pool: &Pool) -> Result<(), Error> {
        let schema = pool.schema();
        let known = |name: &String| name == "sub" || schema.definition(name).is_some();
        if self.attributes_to_get.iter().all(known) {
            return Ok(());
        }
        Err(Error::invalid_parameter("One or more requested attributes do not exist."))
    }

    /// The attributes that were asked for.
    fn attributes_of(&self, user: &User) -> Vec<api::Attribute> {
        let mut attributes = attribute_list(user, |_| true);
        if !self.attributes_to_get.is_empty() {
            attributes.retain(|attribute| self.attributes_to_get.iter().any(|name| name == attribute.name()));
        }
        attributes
    }
}

/// Where the store knows the one user who can meet a filter.
enum Index {
    Username(UsernameKey),
    Alias(AliasKey),
    Sub,
}

/// The index that answers a filter. An alias that is held only once it is verified does not: others may have the same address
/// and not hold it.
fn index(pool: &Pool, filter: &UserFilter) -> Option<Index> {
    if filter.comparison != Comparison::Equals {
        return None;
    }
    let (rules, value) = (pool.username_rules(), &filter.value);
    match filter.attribute {
        SearchAttribute::Username => {
            Some(Index::Username(UsernameKey { pool: pool.id.clone(), name: rules.fold(value) }))
        }
        SearchAttribute::Sub => Some(Index::Sub),
        attribute => {
            let alias = Alias::of_attribute(attribute.name())?;
            let is_everybodys = rules.username_attributes.contains(&alias)
                || alias == Alias::PreferredUsername && rules.aliases.contains(&alias);
            is_everybodys.then(|| Index::Alias(alias_key(pool, alias, value)))
        }
    }
}

/// The user whom an index names, if there is one and meets the filter.
async fn in_index(cx: &Cx<'_>, pool: &Pool, filter: &UserFilter, index: Index) -> Result<Vec<User>, Error> {
    let sub = match index {
        Index::Username(key) => cx.store.read(&key).await?.map(|owner| owner.record.sub),
        Index::Alias(key) => cx.store.read(&key).await?.map(|owner| owner.record.sub),
        Index::Sub => Some(filter.value.clone()),
    };
    let Some(sub) = sub.as_deref().and_then(Sub::parse) else { return Ok(Vec::new()) };
    let found = users(cx, pool, &[sub]).await?;
    Ok(found.into_iter().flatten().filter(|user| meets(user, filter)).collect())
}

/// The users whose names come after this one.
async fn in_turn(
    cx: &Cx<'_>,
    pool: &Pool,
    filter: Option<&UserFilter>,
    after: Option<String>,
    limit: usize,
) -> Result<Page, Error> {
    let prefix = UsernameKey::prefix(&pool.id, &beginning(pool, filter));
    let (mut page, mut examined) = (Page { users: Vec::new(), last: after }, 0);
    loop {
        // Where all are wanted, none is read in vain.
        let count = if filter.is_some() { USERS_PER_READ } else { limit - page.users.len() };
        let after = page.last.clone().map(|name| UsernameKey { pool: pool.id.clone(), name });
        let mut names = cx.store.list(&prefix, after.as_ref(), count + 1).await?;
        let is_end = names.len() <= count;
        names.truncate(count);
        let subs: Option<Vec<Sub>> = names.iter().map(|(_, owner)| Sub::parse(&owner.sub)).collect();
        let subs = subs.ok_or_else(|| Error::internal("a name's owner is not a sub"))?;
        // A user who is gone by now is none.
        for ((name, _), user) in names.into_iter().zip(users(cx, pool, &subs).await?) {
            if page.users.len() == limit {
                return Ok(page);
            }
            page.last = Some(name.name);
            page.users.extend(user.filter(|user| filter.is_none_or(|filter| meets(user, filter))));
        }
        examined += count;
        if is_end {
            return Ok(Page { last: None, ..page });
        }
        if page.users.len() == limit || examined >= USERS_EXAMINED_MAX {
            return Ok(page);
        }
    }
}

/// How the names of all who meet a filter begin, in their comparison form. Of letters outside of ASCII the lower case can
/// depend on what follows, so nothing is known of it.
fn beginning(pool: &Pool, filter: Option<&UserFilter>) -> String {
    let filter = filter.filter(|filter| filter.attribute == SearchAttribute::Username);
    let value = filter.map(|filter| filter.value.as_str()).unwrap_or_default();
    let rules = pool.username_rules();
    if rules.case_sensitive || value.is_ascii() { rules.fold(value) } else { String::new() }
}

/// Not by [`Cx::user`]: the request is about the pool, and about none of its users.
async fn users(cx: &Cx<'_>, pool: &Pool, subs: &[Sub]) -> Result<Vec<Option<User>>, Error> {
    let owners: Vec<Owner> = subs.iter().map(|sub| Owner { pool: pool.id.clone(), sub: *sub }).collect();
    let keys: Vec<UserKey> = owners.iter().map(|owner| UserKey { owner: owner.clone() }).collect();
    let records = cx.store.read_each(&keys).await?;
    Ok(owners.into_iter().zip(records).map(|(owner, record)| Some(User { owner, record: record? })).collect())
}

fn meets(user: &User, filter: &UserFilter) -> bool {
    let record = &user.record;
    filter.admits(match filter.attribute {
        SearchAttribute::Enabled => Some(if record.enabled { "Enabled" } else { "Disabled" }),
        SearchAttribute::Sub => Some(&record.sub),
        SearchAttribute::Username => Some(&record.username),
        SearchAttribute::UserStatus => Some(status_name(record.status())),
        SearchAttribute::Email
        | SearchAttribute::FamilyName
        | SearchAttribute::GivenName
        | SearchAttribute::Name
        | SearchAttribute::PhoneNumber
        | SearchAttribute::PreferredUsername => record.attributes.get(filter.attribute.name()).map(String::as_str),
    })
}
