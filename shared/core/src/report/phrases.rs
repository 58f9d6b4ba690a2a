//! Every fixed phrase of the report, in both languages.

use crate::text::{Text, text};

macro_rules! phrases {
    ($($name:ident = $en:literal, $fr:literal;)*) => {
        $(pub(super) const $name: Text = text($en, $fr);)*
        /// All of them, for the test that reads them through.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, Text)] = &[$((stringify!($name), $name),)*];
    };
}

phrases! {
    TITLE = "Vigie, {day}", "Vigie, {day}";
    SUBJECT = "Vigie: {what}", "Vigie\u{a0}: {what}";
    REPEAT = "(repeat)", "(répétition)";
    REPEATED = "Sent again on demand.", "Renvoyé à la demande.";
    FIRST = "First report: everything that is open is listed below.", "Premier rapport\u{a0}: tout ce qui est ouvert figure ci-dessous.";
    SINCE = "Compared with the mail of {at}.", "Comparé au courriel du {at}.";

    RED = "red", "rouge";
    AMBER = "amber", "orange";
    GREEN = "green", "vert";
    GREY = "grey", "gris";
    AND_MORE = "and {n} more", "et {n} de plus";
    NOTHING_NEW = "nothing new", "rien de nouveau";
    ONE_NEW = "{n} new", "{n} nouveau";
    MANY_NEW = "{n} new", "{n} nouveaux";
    ONE_RESOLVED = "{n} resolved", "{n} résolu";
    MANY_RESOLVED = "{n} resolved", "{n} résolus";
    ONE_FOUND = "{n} found", "{n} constat";
    MANY_FOUND = "{n} found", "{n} constats";
    SUBJECT_STALE = "{name} not audited since {at}", "{name} non audité depuis {at}";
    SUBJECT_NEVER = "{name} never audited", "{name} jamais audité";
    SUBJECT_UNREADABLE = "{name} unreadable", "{name} illisible";

    STALE_FULL = "Not audited since {at} (full suite). What follows is the last that was known.", "Non audité depuis le {at} (suite complète). Ce qui suit est le dernier état connu.";
    STALE_CONNECTIONS = "Not audited since {at} (connections). What follows is the last that was known.", "Non audité depuis le {at} (connexions). Ce qui suit est le dernier état connu.";
    NEVER = "Never audited. Check that its schedule is on, or run an audit once.", "Jamais audité. Vérifiez que sa planification est active, ou lancez un audit.";
    UNREADABLE = "Its audit could not be read. {why}", "Son audit n'a pas pu être lu. {why}";
    NOTHING_OPEN = "Nothing open.", "Rien d'ouvert.";
    ONLY_MINOR = "Only minor: {counts}.", "Mineur seulement\u{a0}: {counts}.";
    OPEN = "{counts}.", "{counts}.";
    OPTIONAL = "An optional target is down.", "Une cible facultative est en panne.";
    ONE_GRAVE_UNKNOWN = "{n} important check could not be done.", "{n} contrôle important n'a pas pu être fait.";
    MANY_GRAVE_UNKNOWN = "{n} important checks could not be done.", "{n} contrôles importants n'ont pas pu être faits.";
    ONE_MUTED = "{n} muted.", "{n} en sourdine.";
    MANY_MUTED = "{n} muted.", "{n} en sourdine.";
    ONE_COVERAGE = "{n} answer", "{n} réponse";
    MANY_COVERAGE = "{n} answers", "{n} réponses";
    ONE_UNANSWERED = "{n} unknown", "{n} sans réponse";
    MANY_UNANSWERED = "{n} unknown", "{n} sans réponse";
    AUDITED = "Audited {at}", "Audité le {at}";

    CRITICAL = "critical", "critique";
    HIGH = "high", "élevé";
    MEDIUM = "medium", "moyen";
    LOW = "low", "faible";
    INFO = "info", "info";
    CRITICALS = "critical", "critiques";
    HIGHS = "high", "élevés";
    MEDIUMS = "medium", "moyens";
    LOWS = "low", "faibles";

    NEW = "New", "Nouveau";
    FOUND = "Found", "Constats";
    RESOLVED = "Resolved", "Résolu";
    STAYS = "Still open", "Toujours ouvert";
    UNKNOWN = "Could not be known", "Impossible à vérifier";
    READINESS = "Ready to deploy?", "Prêt à déployer\u{a0}?";
    EXPIRES = "Expires next", "Prochaines échéances";
    TARGETS = "Connections", "Connexions";
    NO_NEW = "Nothing new since the last mail.", "Rien de nouveau depuis le dernier courriel.";

    LAST_KNOWN = "last known", "dernier état connu";
    FIX = "Fix:", "Correction\u{a0}:";
    OPEN_SINCE = "since {at} ({age})", "depuis le {at} ({age})";
    UNMUTED = "its mute has ended", "sa sourdine a pris fin";
    MUTED_BY = "muted by {owner} until {until}: {reason}", "en sourdine par {owner} jusqu'au {until}\u{a0}: {reason}";
    MUTED = "muted", "en sourdine";
    NOT_SO = "Checked: it is not so.", "Vérifié\u{a0}: ce n'est pas le cas.";
    APPLIES_NOT = "Does not apply here.", "Ne s'applique pas ici.";
    CANNOT_KNOW = "It failed before and cannot be known now.", "En échec auparavant\u{a0}; son état actuel est inconnu.";
    ONE_UNDER = "Because of this, {n} more check gives no answer or fails: {checks}.", "De ce fait, {n} autre contrôle est sans réponse ou en échec\u{a0}: {checks}.";
    MANY_UNDER = "Because of this, {n} more checks give no answer or fail: {checks}.", "De ce fait, {n} autres contrôles sont sans réponse ou en échec\u{a0}: {checks}.";
    LASTED = "was open for {time} at most", "ouvert pendant {time} au plus";
    GONE = "no longer exists", "n'existe plus";
    GRANT = "Missing permission: {action}.", "Permission manquante\u{a0}: {action}.";
    ONE_CHECK = "{n} check: {checks}", "{n} contrôle\u{a0}: {checks}";
    MANY_CHECKS = "{n} checks: {checks}", "{n} contrôles\u{a0}: {checks}";

    READY = "{name}: ready.", "{name}\u{a0}: prêt.";
    NOT_READY = "{name}: not ready, blocked by {lines}.", "{name}\u{a0}: pas prêt, bloqué par {lines}.";
    LINE_RED = "no", "non";
    LINE_AMBER = "nearly", "presque";
    LINE_GREEN = "yes", "oui";
    LINE_GREY = "unknown", "inconnu";
    LINE_NOT = "not looked at", "non examiné";
    ADVISORY = "advisory", "indicatif";
    PARTLY = "{n}/{all} checks", "{n}/{all} contrôles";

    CERTIFICATE = "certificate of {subject}", "certificat de {subject}";
    SESSION = "AWS session", "session AWS";
    ENDED = "expired {age} ago", "expiré depuis {age}";
    OVERDUE = "{age} ago", "il y a {age}";
    ENDS_IN = "in {age}", "dans {age}";
    FELL = "{rung} failed", "échec\u{a0}: {rung}";
    IS_OPTIONAL = "optional", "facultatif";

    RESOLVE = "name resolution", "résolution du nom";
    CONNECT = "connection", "connexion";
    TLS = "TLS handshake", "négociation TLS";
    AUTHENTICATE = "login", "authentification";
    QUERY = "query", "requête";
    ASSERT = "what was read", "valeur lue";

    HEAD_UNREADABLE = "Ages and history are missing: the head could not be read. {why}", "Âges et historique absents\u{a0}: l'état gardé entre les audits (head) n'a pas pu être lu. {why}";
    FULL_NEVER = "The full suite has not run yet: only connections were audited.", "La suite complète n'a pas encore tourné\u{a0}: seules les connexions ont été auditées.";
    CONNECTIONS_NEVER = "The connections suite has not run yet.", "La suite des connexions n'a pas encore tourné.";
    RUN_UNREADABLE = "A run could not be read. {why}", "Un audit n'a pas pu être lu. {why}";
    SINK_FAILED = "The last audit could not write: {sink}. {why}", "Le dernier audit n'a pas pu écrire\u{a0}: {sink}. {why}";
    FOOT = "Times in {zone}. Sent by Vigie, which measures what is listed here and nothing else.", "Fuseau horaire\u{a0}: {zone}. Envoyé par Vigie, qui mesure ce qui est listé ici et rien d'autre.";
    COLON = ": ", "\u{a0}: ";

    IN_DAY = "24 h", "24\u{a0}h";
    IN_WEEK = "7 d", "7\u{a0}j";
    IN_MONTH = "30 d", "30\u{a0}j";
    LATENCY = "median {p50}, 95 of 100 below {p95}", "médiane {p50}, 95 sur 100 sous {p95}";
    CHART_WELL = "{target}, last 30 days: {percent} up, no outage.", "{target}, 30 derniers jours\u{a0}: disponible à {percent}, aucune panne.";
    CHART = "{target}, last 30 days: {percent} up; worst on {day}, {low}.", "{target}, 30 derniers jours\u{a0}: disponible à {percent}\u{a0}; au plus bas le {day}, {low}.";
    SHORT = "Short term: this week", "Court terme\u{a0}: cette semaine";
    MEDIUM_TERM = "Medium term: this month", "Moyen terme\u{a0}: ce mois-ci";
    LONG = "Long term: this quarter", "Long terme\u{a0}: ce trimestre";
    RECOMMENDATIONS = "What to do", "Recommandations";
    DO_GRANT = "Grant {action} to Vigie's role, so that it can be known.", "Accordez {action} au rôle de Vigie, pour que ce soit vérifiable.";
    DO_RENEW_CERTIFICATE = "Renew the certificate, and let it renew itself from then on.", "Renouvelez le certificat, puis automatisez son renouvellement.";
    DO_RENEW_SESSION = "Replace the session token by a role before it ends.", "Remplacez le jeton de session par un rôle avant son expiration.";
    DO_DECIDE = "A mute ends: decide again on “{check}”.", "Une sourdine prend fin\u{a0}: décidez à nouveau pour «\u{a0}{check}\u{a0}».";
    MILDER_ONE = "{n} finding milder than “{least}” is not listed.", "{n} constat moins grave que «\u{a0}{least}\u{a0}» n'est pas listé.";
    MILDER_MANY = "{n} findings milder than “{least}” are not listed.", "{n} constats moins graves que «\u{a0}{least}\u{a0}» ne sont pas listés.";
    ATTACHED = "The whole report is attached: report.html.", "Le rapport complet est joint\u{a0}: report.html.";
    ONE_OPEN = "{n} still open", "{n} toujours ouvert";
    MANY_OPEN = "{n} still open", "{n} toujours ouverts";
    SKIP = "Skip to the report", "Aller au rapport";
    VERDICTS = "Verdicts", "Verdicts";
    CONTENTS = "Contents", "Sommaire";
    CHECKS = "Every check", "Tous les contrôles";
    CHECK = "Check", "Contrôle";
    SUBJECT_HEAD = "Subject", "Sujet";
    OUTCOME = "Outcome", "Résultat";
    PASSES = "passes", "conforme";
    FLAPS = "it flaps", "il oscille";
    MAINTENANCE = "Maintenance of {targets} until {until}, by {owner}: {reason}. What fails in it raises no alert.", "Maintenance ({targets}) jusqu'au {until}, par {owner}\u{a0}: {reason}. Ce qui y échoue ne déclenche pas d'alerte.";
    ALL_TARGETS = "all targets", "toutes les cibles";
    UNREACHED = "No connection to {service}", "Pas de connexion à {service}";
    QUOTED = "“{it}”", "«\u{a0}{it}\u{a0}»";
    CHARTS = "A bar is a day of the last 30: the taller, the more was lost. The line is latency.", "Une barre est un des 30 derniers jours\u{a0}: plus elle est haute, plus la panne fut longue. La ligne est la latence.";

    // Recommendations and what ends.
    DO_AUDIT = "Get the audits running: check their schedule, or run one by hand.", "Faites tourner les audits\u{a0}: vérifiez leur planification, ou lancez-en un à la main.";
    DO_ROTATE_KEY = "Rotate the access key or, better, replace it by a role.", "Renouvelez la clé d'accès ou, mieux, remplacez-la par un rôle.";
    DO_PUBLISH_DOMAIN = "Publish the domain's DNS records before SES gives up its verification.", "Publiez les enregistrements DNS du domaine avant que SES n'abandonne sa vérification.";
    DO_UPGRADE = "Upgrade to a major version that is still supported.", "Passez à une version majeure encore maintenue.";
    DO_PREPARE = "Complete the advisory line {id} of the checklist: {title}.", "Complétez la ligne indicative {id} de la liste\u{a0}: {title}.";
    REFUSED = "Permission is refused. Look at the rights of the identity that asked.", "La permission est refusée. Vérifiez les droits de l'identité utilisée.";
    SEMICOLON = "; ", "\u{a0}; ";
    ACCESS_KEY = "access key, to be rotated", "clé d'accès, à remplacer";
    DOMAIN = "pending verification of {subject}", "vérification en attente de {subject}";
    SERVER = "support of {subject}", "maintenance de {subject}";
    UNTIL = "{what} until {at}", "{what} jusqu'au {at}";

    // What was measured.
    KIND_VARIABLES = "Environment variables", "Variables d'environnement";
    KIND_CREDENTIALS = "AWS credentials", "Identifiants AWS";
    KIND_POSTGRES = "PostgreSQL database", "Base de données PostgreSQL";
    KIND_REDIS = "Redis cache", "Cache Redis";
    KIND_SES = "AWS SES, mail", "AWS SES, courriel";
    KIND_S3 = "AWS S3, storage", "AWS S3, stockage";
    KIND_SQS = "AWS SQS, queues", "AWS SQS, files d'attente";
    KIND_EVENTBRIDGE = "AWS EventBridge, events", "AWS EventBridge, événements";
    KIND_CLOUDWATCH = "AWS CloudWatch, alarms", "AWS CloudWatch, alarmes";
    KIND_HTTPS = "HTTPS address", "Adresse HTTPS";
    KIND_RDS = "AWS RDS, the database's server", "AWS RDS, serveur de la base";
    KIND_VIGIE = "Vigie itself", "Vigie elle-même";
    REACHED = "reached in {time}", "atteint en {time}";
    ENCRYPTED = "TLS handshake in {time}", "négociation TLS en {time}";
    SET = "set", "définie";
    SET_BUT = "set, but faulty", "définie, mais fautive";
    MISSING = "missing", "absente";
    FAILS = "fails ({severity})", "en échec ({severity})";
    FAILS_MUTED = "fails ({severity}), muted", "en échec ({severity}), en sourdine";
    DOES_NOT_APPLY = "does not apply", "sans objet";
    FULL_RUN = "full suite of {at}, in {time}", "suite complète du {at}, en {time}";
    CONNECTIONS_RUN = "connections of {at}, in {time}", "connexions du {at}, en {time}";
    // The document's sections and tables.
    DOCUMENT = "Audit of AWS and database connections, {day}", "Audit des connexions AWS et base de données, {day}";
    SUMMARY = "Summary", "Résumé";
    SERVICES = "Services identified", "Services identifiés";
    S_VARIABLES = "Environment variables", "Variables d'environnement";
    S_POINTS = "Connection points", "Points de connexion";
    S_SECURITY = "Security checks", "Vérifications de sécurité";
    S_TESTS = "Connection tests", "Tests de connexion";
    S_ATTENTION = "Points of attention", "Points d'attention";
    S_CHECKLIST = "Deployment checklist", "Checklist de déploiement";
    S_RECOMMENDATIONS = "Recommendations", "Recommandations";
    S_CONCLUSION = "Conclusion", "Conclusion";
    ENVIRONMENT = "Environment", "Environnement";
    VERDICT = "Verdict", "Verdict";
    MEASURED = "Measured", "Mesuré";
    LATENCY_DAY = "Latency, 24 h", "Latence, 24\u{a0}h";
    VARIABLES = "Variables", "Variables";
    VARIABLE = "Variable", "Variable";
    STATE = "State", "État";
    USED_BY = "Used by", "Utilisée par";
    OR = "or", "ou";
    TARGET = "Target", "Cible";
    SERVICE = "Service", "Service";
    LADDER = "Ladder", "Étapes";
    RESULT = "Result", "Résultat";
    FAULT = "Fault looked for", "Défaut cherché";
    ABOUT = "About", "Sujet";
    IN_ALL = "in all", "au total";
    AVAILABILITY = "Availability and latency", "Disponibilité et latence";
    MEDIAN_DAY = "median, 24 h", "médiane, 24\u{a0}h";
    P95_DAY = "p95, 24 h", "p95, 24\u{a0}h";
    P50 = "median", "médiane";
    P95 = "p95", "p95";
    FIGURES = "Up in 24 hours, 7 and 30 days; the day's median and 95th percentile, of the whole climb.", "Disponible sur 24\u{a0}heures, 7 et 30\u{a0}jours\u{a0}; médiane et 95e centile du jour, pour la connexion entière.";
    KIND_OTHER = "Other", "Autres";
    REQUIRED = "Critical (required)", "Critiques (requises)";
    RECOMMENDED = "Recommended", "Recommandées";
    STAGING = "Staging", "Préproduction";
    PRODUCTION = "Production", "Production";
    NO_SERVICE = "No service was audited.", "Aucun service n'a été audité.";
    NO_VALUES = "State as measured; values are never shown.", "État mesuré\u{a0}; les valeurs ne sont jamais montrées.";
    NONE_EXPECTED = "The contract expects none.", "Le contrat n'en attend aucune.";
    NOTHING_JUDGED = "Nothing was judged.", "Rien n'a été évalué.";
    ONE_SILENT = "{n} check does not apply.", "{n} contrôle est sans objet.";
    MANY_SILENT = "{n} checks do not apply.", "{n} contrôles sont sans objet.";
    NO_LADDER = "No connection was tried.", "Aucune connexion n'a été tentée.";
    NO_PAST = "No history was read.", "Aucun historique n'a été lu.";
    NOTHING_TO_DO = "Nothing.", "Rien.";
    RESTS = "It rests on {answers}: {runs}.", "Verdict fondé sur {answers}\u{a0}: {runs}.";
}

pub(super) const MONTHS: [Text; 12] = [
    text("Jan", "janv."),
    text("Feb", "févr."),
    text("Mar", "mars"),
    text("Apr", "avr."),
    text("May", "mai"),
    text("Jun", "juin"),
    text("Jul", "juil."),
    text("Aug", "août"),
    text("Sep", "sept."),
    text("Oct", "oct."),
    text("Nov", "nov."),
    text("Dec", "déc."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_says_something_in_both_languages() {
        for (name, phrase) in ALL {
            assert!(!phrase.en.trim().is_empty() && !phrase.fr.trim().is_empty(), "{name}");
            for mark in [':', ';', '!', '?'] {
                let loose = phrase.fr.contains(&format!(" {mark}")) || phrase.fr.contains(&format!("}}{mark}"));
                assert!(!loose, "{name}: a no-break space belongs before {mark:?} in French");
            }
        }
    }
}
