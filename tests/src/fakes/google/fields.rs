//! The parameter `fields`: which parts of an answer are wanted, such as `files(id,name),nextPageToken` or
//! `user/emailAddress`.
//!
//! See <https://developers.google.com/workspace/drive/api/guides/fields-parameter>.

use serde_json::{Map, Value};

use super::{
    super::http::{Answered, Asked},
    errors,
};

/// Names, and what is wanted of each: everything when nothing is said.
#[derive(Debug, PartialEq)]
struct Mask(Vec<(String, Option<Mask>)>);

/// What files have.
pub(super) const OF_FILES: &[&str] = &[
    "kind",
    "id",
    "name",
    "mimeType",
    "description",
    "starred",
    "trashed",
    "explicitlyTrashed",
    "parents",
    "properties",
    "appProperties",
    "spaces",
    "version",
    "webContentLink",
    "webViewLink",
    "iconLink",
    "hasThumbnail",
    "thumbnailLink",
    "viewedByMe",
    "createdTime",
    "modifiedTime",
    "sharingUser",
    "owners",
    "driveId",
    "teamDriveId",
    "lastModifyingUser",
    "shared",
    "ownedByMe",
    "capabilities",
    "permissions",
    "permissionIds",
    "originalFilename",
    "fileExtension",
    "fullFileExtension",
    "size",
    "quotaBytesUsed",
    "md5Checksum",
    "sha1Checksum",
    "sha256Checksum",
    "headRevisionId",
    "isAppAuthorized",
    "resourceKey",
    "linkShareMetadata",
    "imageMediaMetadata",
    "hasAugmentedPermissions",
    "writersCanShare",
    "trashedTime",
];

/// What permissions have.
pub(super) const OF_PERMISSIONS: &[&str] = &[
    "kind",
    "id",
    "type",
    "role",
    "emailAddress",
    "displayName",
    "domain",
    "allowFileDiscovery",
    "deleted",
    "view",
    "expirationTime",
    "permissionDetails",
    "pendingOwner",
    "inheritedPermissionsDisabled",
];

/// What is asked for of an answer; `usual` when nothing is. `of` names what there is, `inside` what there is in a
/// member.
pub(super) fn selected(
    asked: &Asked,
    whole: &Value,
    usual: &str,
    of: &[&str],
    inside: Option<(&str, &[&str])>,
) -> Result<Value, Answered> {
    let wanted = match asked.word("fields") {
        "" => usual,
        fields => fields,
    };
    let mask = parsed(wanted).ok_or_else(|| invalid(wanted))?;
    for (name, sub) in &mask.0 {
        if name != "*" && !of.contains(&name.as_str()) {
            return Err(invalid(name));
        }
        if let (Some((member, of)), Some(sub)) = (inside, sub)
            && name == member
            && let Some((unknown, _)) = sub.0.iter().find(|(name, _)| name != "*" && !of.contains(&name.as_str()))
        {
            return Err(invalid(unknown));
        }
    }
    Ok(mask.of(whole))
}

fn invalid(name: &str) -> Answered {
    errors::at_parameter(400, "invalidParameter", &format!("Invalid field selection {name}"), "fields")
}

impl Mask {
    fn of(&self, whole: &Value) -> Value {
        match whole {
            Value::Array(rows) => rows.iter().map(|row| self.of(row)).collect(),
            Value::Object(members) => {
                let mut kept = Map::new();
                for (name, sub) in &self.0 {
                    if name == "*" {
                        return whole.clone();
                    }
                    if let Some(value) = members.get(name) {
                        kept.insert(name.clone(), sub.as_ref().map_or_else(|| value.clone(), |sub| sub.of(value)));
                    }
                }
                Value::Object(kept)
            }
            other => other.clone(),
        }
    }
}

fn parsed(text: &str) -> Option<Mask> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (mask, rest) = names(&text)?;
    rest.is_empty().then_some(mask)
}

/// A list of names, up to a closing parenthesis or the end; what is left.
fn names(mut text: &str) -> Option<(Mask, &str)> {
    let mut all = Vec::new();
    loop {
        let (one, rest) = name(text)?;
        all.push(one);
        match rest.strip_prefix(',') {
            Some(next) => text = next,
            None => return Some((Mask(all), rest)),
        }
    }
}

fn name(text: &str) -> Option<((String, Option<Mask>), &str)> {
    let end = text.find([',', '(', ')', '/']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let name = name.to_owned();
    if let Some(rest) = rest.strip_prefix('(') {
        let (sub, rest) = names(rest)?;
        return Some(((name, Some(sub)), rest.strip_prefix(')')?));
    }
    if let Some(rest) = rest.strip_prefix('/') {
        let (sub, rest) = self::name(rest)?;
        return Some(((name, Some(Mask(vec![sub]))), rest));
    }
    Some(((name, None), rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mask_keeps_what_it_names_also_inside() {
        let whole = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4, "g": 5}]});
        for (mask, kept) in [
            ("a", json!({"a": 1})),
            ("*", whole.clone()),
            ("b/c, a", json!({"a": 1, "b": {"c": 2}})),
            ("e(f),b(d)", json!({"b": {"d": 3}, "e": [{"f": 4}]})),
            ("e/g,x", json!({"e": [{"g": 5}]})),
        ] {
            assert_eq!(parsed(mask).unwrap().of(&whole), kept, "{mask}");
        }
        for wrong in ["", "a,", "a(b", "a)b", "a(,b)"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
