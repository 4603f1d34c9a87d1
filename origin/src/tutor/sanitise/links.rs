//! Which links and addresses of a model's text stay. Not how they are found in it.

use kairos_protocol::api::ids::Slug;

/// The one of `modules` that a link to `target` means, if it means one: `/modules/{slug}`, as the app has it, or the API's path.
pub(super) fn module_of<'m>(target: &str, modules: &'m [Slug]) -> Option<&'m Slug> {
    let target = target.trim().trim_start_matches('<');
    let path = target.split(['#', '?', '>', ' ', '\t']).next()?.trim_end_matches('/');
    let slug = path.strip_prefix("/v1/modules/").or_else(|| path.strip_prefix("/modules/"))?;
    modules.iter().find(|module| module.as_str() == slug)
}

/// Whether `word` has something that is made a link where it is shown, without being written as one: an address, an email.
pub(super) fn is_address(word: &str) -> bool {
    let plain = word.replace('\\', "").to_lowercase();
    let is_email = plain.split_once('@').is_some_and(|(name, host)| {
        let begins = host.starts_with(|letter: char| letter.is_alphanumeric());
        name.ends_with(|letter: char| letter.is_alphanumeric() || "._-+".contains(letter))
            && begins
            && host.contains('.')
    });
    is_email || ["://", "www.", "mailto:", "xmpp:"].iter().any(|mark| plain.contains(mark))
}
