"""The SAM template as CloudFormation gets it: what the transform makes is linted too. transform.py TEMPLATE OUTPUT"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """The roles are ours: a managed policy that the transform would look up is a mistake."""

    def load(self):
        return {}


def main(template, output):
    with open(template, encoding="utf-8") as file:
        source = yaml_parse(file.read())
    # The transform wants an uploaded artifact; `sam build` and `sam package` would put one here.
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artifacts/code.zip"
    made = transform(source, {}, NoManagedPolicies())
    with open(output, "w", encoding="utf-8") as file:
        json.dump(made, file, indent=1)


main(*sys.argv[1:])
