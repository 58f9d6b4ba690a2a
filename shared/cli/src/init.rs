//! `vigie init`: a commented vigie.toml from a .env file: names, never values.

use vigie_core::contract::Contract;
use vigie_core::evidence::{Value, clean};
use vigie_core::text::{Language, Text, text};

/// What a .env file holds, by name.
pub struct Found {
    pub names: Vec<String>,
}

/// The text of a vigie.toml for one environment whose variables come from `source`.
#[must_use]
pub fn vigie_toml(environment: &str, class: &str, source: &str, found: &Found, contract: &Contract) -> String {
    let has = |name: &str| found.names.iter().any(|n| n == name);
    let mut out = String::from(
        "# What Vigie audits. Check it with: vigie config check vigie.toml\n\
         # Names only: no value of a variable belongs in this file.\n\n",
    );
    out.push_str(&format!("[environment.{environment}]\n"));
    out.push_str(&format!("class = \"{class}\"  # \"staging\" or \"production\": picks the severities\n"));
    out.push_str(&format!(
        "variables = [\"{source}\"]  # a later source wins: dotenv:, ssm:/, secretsmanager:, lambda:, amplify:\n"
    ));
    out.push_str("writes = \"off\"  # \"full\": one object under vigie-probe/ and one Redis key, removed at once\n");
    out.push_str("optional = [\"redis\"]  # the app survives without it: its absence is never red\n");
    out.push_str("\n# What the app expects. Absent keys keep the defaults (Next.js, NextAuth, Upstash, Stripe).\n");
    out.push_str(&format!("[environment.{environment}.contract]\n"));
    for (part, key) in [
        (contract.auth.as_ref().map(|a| [&a.secret[..], &a.url[..]].concat()), "auth"),
        (contract.stripe.as_ref().map(|s| vec![s.secret.clone()]), "stripe"),
        (contract.redis.as_ref().map(|r| [&r.rest_url, &r.url].into_iter().flatten().cloned().collect()), "redis"),
    ] {
        if part.is_some_and(|names| !names.iter().any(|n| has(n))) {
            out.push_str(&format!("{key} = false  # none of its variables is set: not used\n"));
        }
    }
    let absent: Vec<&str> = contract
        .required
        .iter()
        .filter(|any| !any.iter().any(|n| has(n)))
        .filter_map(|any| any.first().map(String::as_str))
        .collect();
    if !absent.is_empty() {
        out.push_str(&format!("# required by default, and not in the file: {}\n", absent.join(", ")));
        if absent.contains(&"AWS_ACCESS_KEY_ID") {
            out.push_str("aws = \"role\"  # no key pair is expected; \"keys\" if there should be one\n");
        } else {
            out.push_str("# required = [[\"DATABASE_URL\"], ...]  # write your own list if that is right\n");
        }
    }
    out.push_str("# pool_max = 20            # connections of one process\n");
    out.push_str("# processes = 4            # processes that hold a pool each\n");
    out.push_str("# connect_timeout_ms = 2000\n");
    out.push_str("# tls_verify = false       # the app sets rejectUnauthorized: false\n\n");
    let known = known(contract);
    let others: Vec<String> = found.names.iter().filter(|n| !known(n)).map(|n| clean(n)).collect();
    if !others.is_empty() {
        out.push_str(
            "# Other variables of the file; they are secrets to Vigie unless the contract says plain or locators:\n",
        );
        for line in others.chunks(6) {
            out.push_str(&format!("#   {}\n", line.join(" ")));
        }
        out.push('\n');
    }
    out.push_str(
        "# Deployed: say where the variables are in AWS (variables, above), and who is mailed. The stack brings its own bucket\n\
         # and fingerprint key; [runs] lets the command read and push there without --bucket.\n\
         # [runs]\n# bucket = \"my-vigie-runs\"\n\
         # [report]\n# from = \"vigie@example.org\"\n# [[report.to]]\n# address = \"team@example.org\"\n\
         # time_zone = \"Europe/Paris\"\n\
         # severity = \"high\"  # what is milder is counted, not listed\n",
    );
    out
}

/// What to do next, in order: from here to the first audit on AWS. The README has the same list with its reasons.
const NEXT: Text = text(
    "Next, in this order:
  vigie config check {file}
  vigie audit --config {file}                      here and now, with your own credentials
  in {file}: where the variables are in AWS (variables = ...), and [report]; verify its sender in SES
  vigie plan --config {file}                       what will run, and what it costs
  vigie policy --config {file} --format parameters  the ARNs that sam deploy asks for
  cd infra && sam build && sam deploy --guided     then confirm the mail that SNS sends
  vigie config push --config {file} --bucket RUNS-BUCKET   the stack's output RunsBucket
  vigie doctor --config {file}                     what is still missing
",
    "Ensuite, dans cet ordre :
  vigie config check {file}
  vigie audit --config {file}                      ici et maintenant, avec vos propres identifiants
  dans {file} : où sont les variables dans AWS (variables = ...), et [report] ; vérifiez son expéditeur dans SES
  vigie plan --config {file}                       ce qui tournera, et ce que cela coûte
  vigie policy --config {file} --format parameters  les ARN que demande sam deploy
  cd infra && sam build && sam deploy --guided     puis confirmez le courriel envoyé par SNS
  vigie config push --config {file} --bucket BUCKET-DES-AUDITS   la sortie RunsBucket de la pile
  vigie doctor --config {file}                     ce qui manque encore
",
);

/// The next steps after `file` was written.
#[must_use]
pub fn next_steps(file: &str, language: Language) -> String {
    NEXT.render(language, &[("file".to_owned(), Value::name(file))].into())
}

/// Whether the contract speaks of a name.
pub fn known(contract: &Contract) -> impl Fn(&str) -> bool + '_ {
    let named: Vec<&String> = contract
        .required
        .iter()
        .chain(&contract.recommended)
        .flatten()
        .chain(&contract.plain)
        .chain(contract.locators.iter().filter(|l| !l.starts_with('*')))
        .collect();
    let suffixes: Vec<&str> = contract.locators.iter().filter_map(|l| l.strip_prefix('*')).collect();
    let public = contract.public_prefix.as_deref();
    move |name: &str| {
        named.iter().any(|n| *n == name)
            || suffixes.iter().any(|s| name.ends_with(s))
            || public.is_some_and(|p| name.starts_with(p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_steps_are_in_order_in_both_languages() {
        for language in [Language::En, Language::Fr] {
            let said = next_steps("shop.toml", language);
            let steps = ["config check shop.toml", "--format parameters", "sam deploy", "config push", "vigie doctor"];
            let places: Vec<Option<usize>> = steps.iter().map(|step| said.find(step)).collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{said}");
            assert!(!said.contains('{'), "{said}");
        }
    }

    #[test]
    fn what_it_writes_is_a_right_configuration_with_names_only() {
        let contract = vigie_core::config::default_contract();
        for names in
            [vec!["DATABASE_URL", "NEXTAUTH_SECRET", "MY_OTHER"], vec!["AWS_ACCESS_KEY_ID", "REDIS_URL"], vec![]]
        {
            let found = Found { names: names.iter().map(|n| (*n).to_owned()).collect() };
            let text = vigie_toml("production", "production", "dotenv:.env.production", &found, &contract);
            let config = vigie_core::config::parse(&text, "vigie.toml").unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(config.environment.len(), 1);
            assert_eq!(text.contains("MY_OTHER"), names.contains(&"MY_OTHER"));
        }
    }
}
