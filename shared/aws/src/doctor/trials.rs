//! What is tried, and what to do when it does not hold: one value each, in both languages.

use vigie_core::text::{Text, text};

/// One thing that a deployed Vigie needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Trial {
    /// Stable, for scripts.
    pub id: &'static str,
    pub tried: Text,
    /// What to do when it is missing.
    pub remedy: Text,
    /// Only doctor asks: refused, nothing is known, and nothing is missing either.
    pub only_doctor: bool,
}

const fn needed(id: &'static str, tried: Text, remedy: Text) -> Trial {
    Trial { id, tried, remedy, only_doctor: false }
}

const fn looked(id: &'static str, tried: Text, remedy: Text) -> Trial {
    Trial { id, tried, remedy, only_doctor: true }
}

pub const CONFIGURATION: Trial = needed(
    "configuration",
    text("the configuration loads and is right", "la configuration se charge et est juste"),
    text(
        "Run vigie config check, then vigie config push; or set the template's EnvironmentName, Class and Variables.",
        "Lancez vigie config check, puis vigie config push ; ou donnez EnvironmentName, Class et Variables au modèle.",
    ),
);
pub const CREDENTIALS: Trial = needed(
    "credentials",
    text("AWS credentials are valid (STS)", "les identifiants AWS sont valides (STS)"),
    text(
        "Sign in (aws sso login, aws configure), or look at the function's role.",
        "Connectez-vous (aws sso login, aws configure), ou vérifiez le rôle de la fonction.",
    ),
);
pub const RUNS_LIST: Trial = needed(
    "runs-list",
    text("the runs bucket can be listed", "le bucket des audits peut être listé"),
    text(
        "Grant s3:ListBucket on the bucket: without it a missing head looks like a refusal.",
        "Accordez s3:ListBucket sur le bucket : sans cela une tête absente ressemble à un refus.",
    ),
);
pub const RUNS_READ: Trial = needed(
    "runs-read",
    text("a head can be read", "une tête peut être lue"),
    text(
        "Grant s3:GetObject on heads/* and runs/* of the runs bucket.",
        "Accordez s3:GetObject sur heads/* et runs/* du bucket des audits.",
    ),
);
pub const RUNS_WRITE: Trial = needed(
    "runs-write",
    text(
        "runs and heads can be written (a conditional put that can never hold: nothing is written)",
        "audits et têtes peuvent être écrits (écriture conditionnelle impossible à satisfaire : rien n'est écrit)",
    ),
    text(
        "Grant s3:PutObject and s3:GetObject on runs/* and heads/* of the runs bucket.",
        "Accordez s3:PutObject et s3:GetObject sur runs/* et heads/* du bucket des audits.",
    ),
);
pub const KEY: Trial = needed(
    "fingerprint-key",
    text("the fingerprint key can be read", "la clé d'empreinte peut être lue"),
    text(
        "Create the secret that fingerprint_key names (32 random bytes or more) and grant reading it.",
        "Créez le secret que nomme fingerprint_key (32 octets aléatoires ou plus) et accordez sa lecture.",
    ),
);
pub const ROLE: Trial = needed(
    "role",
    text("the environment's role can be assumed", "le rôle de l'environnement peut être endossé"),
    text(
        "Deploy target-role.yaml in its account, list the role in TargetRoles, and check the external id.",
        "Déployez target-role.yaml dans son compte, citez le rôle dans TargetRoles et vérifiez l'identifiant externe.",
    ),
);
pub const SOURCE: Trial = needed(
    "source",
    text("a source of variables can be read (names only)", "une source de variables est lisible (noms seulement)"),
    text(
        "Correct the source, or grant the named action on it; vigie policy prints the statement.",
        "Corrigez la source, ou accordez-y l'action nommée ; vigie policy imprime la règle.",
    ),
);
pub const SENDING: Trial = looked(
    "ses-sending",
    text("SES may send for this account", "SES peut envoyer pour ce compte"),
    text("Ask AWS to resume sending, in the SES console.", "Demandez à AWS de rétablir l'envoi, dans la console SES."),
);
pub const SANDBOX: Trial = looked(
    "ses-access",
    text("the SES account: sandbox or production", "le compte SES : bac à sable ou production"),
    text(
        "Grant ses:GetSendQuota, or look at the SES console.",
        "Accordez ses:GetSendQuota, ou consultez la console SES.",
    ),
);
pub const SENDER: Trial = looked(
    "ses-sender",
    text("the report's sender is verified in SES", "l'expéditeur du rapport est vérifié dans SES"),
    text(
        "aws ses verify-email-identity --email-address SENDER, then follow the link; or verify its domain.",
        "aws ses verify-email-identity --email-address EXPEDITEUR, puis suivez le lien ; ou vérifiez son domaine.",
    ),
);
pub const RECIPIENT: Trial = looked(
    "ses-recipient",
    text(
        "in the SES sandbox, the recipient is verified too",
        "dans le bac à sable SES, le destinataire est vérifié aussi",
    ),
    text(
        "Verify the recipient as the sender, or ask AWS for production access.",
        "Vérifiez le destinataire comme l'expéditeur, ou demandez à AWS l'accès production.",
    ),
);
pub const QUOTA: Trial = looked(
    "ses-quota",
    text("SES's quota leaves room for the day's reports", "le quota SES suffit aux rapports du jour"),
    text(
        "Wait for the 24 hours to pass, or ask for a higher quota.",
        "Attendez 24 heures, ou demandez un quota plus élevé.",
    ),
);
pub const TOPIC: Trial = looked(
    "topic",
    text("the alert topic has a confirmed subscription", "le sujet d'alertes a un abonnement confirmé"),
    text(
        "Follow the link in the mail that SNS sent, or subscribe somebody: aws sns subscribe.",
        "Suivez le lien du courriel envoyé par SNS, ou abonnez quelqu'un : aws sns subscribe.",
    ),
);
pub const QUEUE: Trial = looked(
    "queue",
    text("a work queue is reachable", "une file de travail est joignable"),
    text("Look at the stack's queues; deploy it again.", "Vérifiez les files de la pile ; redéployez-la."),
);
pub const DEAD_LETTERS: Trial = looked(
    "dead-letters",
    text("the dead-letter queue is reachable and empty", "la file de lettres mortes est joignable et vide"),
    text(
        "Read what is in it, correct the cause, then redrive or purge it.",
        "Lisez ce qu'elle contient, corrigez la cause, puis renvoyez ou purgez.",
    ),
);
pub const METRICS: Trial = needed(
    "metrics",
    text("metrics can be published (a count of nothing)", "des métriques peuvent être publiées (un décompte nul)"),
    text(
        "Grant cloudwatch:PutMetricData for the namespace Vigie, or set metrics = \"off\".",
        "Accordez cloudwatch:PutMetricData pour l'espace Vigie, ou mettez metrics = \"off\".",
    ),
);
pub const BUS: Trial = needed(
    "bus",
    text(
        "alerts can be put on their bus (an event that no rule wants)",
        "des alertes peuvent être déposées sur leur bus (un événement qu'aucune règle n'attend)",
    ),
    text(
        "Create the bus that alerts.bus names, or grant events:PutEvents on it.",
        "Créez le bus que nomme alerts.bus, ou accordez-y events:PutEvents.",
    ),
);
pub const DNS: Trial = needed(
    "dns",
    text("names resolve", "les noms se résolvent"),
    text(
        "Check network.resolver; in a VPC, its DNS support and the security group.",
        "Vérifiez network.resolver ; dans un VPC, son DNS et le groupe de sécurité.",
    ),
);
pub const PUBLIC: Trial = needed(
    "public",
    text("a public address can be reached", "une adresse publique est joignable"),
    text(
        "In a VPC give the subnets a NAT gateway, or set Public to false.",
        "Dans un VPC donnez une passerelle NAT aux sous-réseaux, ou mettez Public à false.",
    ),
);
pub const DATABASE: Trial = needed(
    "database",
    text("the database can be connected to", "la base est joignable"),
    text(
        "Check host and port; for a private database set SubnetIds and SecurityGroupIds, and admit that group.",
        "Vérifiez hôte et port ; pour une base privée donnez SubnetIds et SecurityGroupIds, et admettez ce groupe.",
    ),
);
pub const CONCURRENCY: Trial = looked(
    "concurrency",
    text(
        "Lambda's concurrency quota covers MaximumConcurrency of both queues",
        "le quota de concurrence Lambda couvre MaximumConcurrency des deux files",
    ),
    text(
        "Ask for a higher quota (Service Quotas, Lambda, Concurrent executions), or lower MaximumConcurrency.",
        "Demandez un quota plus élevé (Service Quotas, Lambda, Concurrent executions), ou baissez MaximumConcurrency.",
    ),
);
pub const CLOCK: Trial = needed(
    "clock",
    text("the clock agrees with AWS's within a minute", "l'horloge s'accorde à celle d'AWS à une minute près"),
    text("Synchronise the clock (NTP).", "Synchronisez l'horloge (NTP)."),
);

/// All of them, in the order of the answer.
pub const ALL: [&Trial; 23] = [
    &CONFIGURATION,
    &CREDENTIALS,
    &CLOCK,
    &RUNS_LIST,
    &RUNS_READ,
    &RUNS_WRITE,
    &KEY,
    &ROLE,
    &SOURCE,
    &DNS,
    &PUBLIC,
    &DATABASE,
    &SENDING,
    &SANDBOX,
    &SENDER,
    &RECIPIENT,
    &QUOTA,
    &TOPIC,
    &QUEUE,
    &DEAD_LETTERS,
    &METRICS,
    &BUS,
    &CONCURRENCY,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_every_line_says_what_to_do() {
        let ids: BTreeSet<&str> = ALL.iter().map(|trial| trial.id).collect();
        assert_eq!(ids.len(), ALL.len());
        for trial in ALL {
            for said in [trial.remedy.en, trial.remedy.fr] {
                assert!(said.ends_with('.'), "{}: {said}", trial.id);
            }
        }
    }
}
