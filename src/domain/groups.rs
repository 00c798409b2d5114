//! What the groups of a user come to in tokens (reference 3.7 and 6.2).

/// A group as it counts for its members.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    pub name: &'a str,
    /// 0 comes first, and nothing comes last.
    pub precedence: Option<i32>,
    pub role: Option<&'a str>,
}

/// The claims that tell of a user's groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupClaims {
    /// The names of all groups, the best first.
    pub groups: Vec<String>,
    /// Each role of a group once, the best first.
    pub roles: Vec<String>,
    /// The role of the best group. Of several that are equally good, the one role that they carry; none, if they carry more.
    pub preferred_role: Option<String>,
}

impl GroupClaims {
    /// What these groups come to; those of equal precedence keep their order.
    pub fn of(mut groups: Vec<Standing<'_>>) -> Self {
        let rank = |group: &Standing<'_>| (group.precedence.is_none(), group.precedence);
        groups.sort_by_key(rank);
        let best = groups.first().map(rank);
        let of_the_best = distinct_roles(groups.iter().filter(|group| Some(rank(group)) == best));
        GroupClaims {
            groups: groups.iter().map(|group| group.name.to_owned()).collect(),
            roles: distinct_roles(groups.iter()),
            preferred_role: <[String; 1]>::try_from(of_the_best).ok().map(|[role]| role),
        }
    }
}

fn distinct_roles<'a>(groups: impl Iterator<Item = &'a Standing<'a>>) -> Vec<String> {
    let mut roles: Vec<String> = Vec::new();
    for role in groups.filter_map(|group| group.role) {
        if !roles.iter().any(|known| known == role) {
            roles.push(role.to_owned());
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(groups: &[(&str, Option<i32>, Option<&str>)]) -> GroupClaims {
        GroupClaims::of(groups.iter().map(|&(name, precedence, role)| Standing { name, precedence, role }).collect())
    }

    #[test]
    fn groups_come_in_the_order_of_precedence_and_those_without_come_last() {
        let claims = claims(&[("a", None, None), ("b", Some(2), None), ("c", Some(0), None), ("d", Some(2), None)]);
        assert_eq!(claims.groups, ["c", "b", "d", "a"]);
        assert_eq!((claims.roles, claims.preferred_role), (vec![], None));
    }

    #[test]
    fn each_role_is_told_once_and_the_best_group_prefers_its_own() {
        let claims = claims(&[("a", Some(3), Some("x")), ("b", Some(1), Some("y")), ("c", None, Some("x"))]);
        assert_eq!(claims.roles, ["y", "x"]);
        assert_eq!(claims.preferred_role.as_deref(), Some("y"));
    }

    #[test]
    fn a_best_group_without_a_role_prefers_none() {
        let claims = claims(&[("a", Some(0), None), ("b", Some(1), Some("y"))]);
        assert_eq!((claims.roles, claims.preferred_role), (vec!["y".to_owned()], None));
    }

    #[test]
    fn equally_good_groups_prefer_a_role_only_if_it_is_the_one_role_of_all() {
        for precedence in [Some(1), None] {
            let tied = |first, second| claims(&[("a", precedence, first), ("b", precedence, second)]).preferred_role;
            assert_eq!(tied(Some("x"), Some("x")).as_deref(), Some("x"));
            assert_eq!(tied(Some("x"), None).as_deref(), Some("x"));
            assert_eq!(tied(Some("x"), Some("y")), None);
        }
    }

    #[test]
    fn who_is_in_no_group_has_none_of_them() {
        assert_eq!(claims(&[]), GroupClaims::default());
    }
}
