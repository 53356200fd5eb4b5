/**
 * What a name must look like. Each returns what is wrong, in upstream's words; empty when it is right.
 * Source: apimachinery `util/validation/validation.go`.
 */
export type NameCheck = (value: string) => string[];

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const REGEXPS = {
  label: LABEL,
  label1035: '[a-z]([-a-z0-9]*[a-z0-9])?',
  subdomain: `${LABEL}(\\.${LABEL})*`,
  qualified: QUALIFIED,
  labelValue: `(${QUALIFIED})?`,
  envVar: '[-._a-zA-Z][-._a-zA-Z0-9]*',
  configKey: '[-._a-zA-Z0-9]+',
};
const compiled = new Map<string, RegExp>();

function matches(pattern: string, value: string): boolean {
  const regexp = compiled.get(pattern) ?? new RegExp(`^(?:${pattern})$`);
  compiled.set(pattern, regexp);
  return regexp.test(value);
}

function regexpError(message: string, pattern: string, ...examples: string[]): string {
  const like = examples.map((example) => `'${example}'`).join(', or ');
  return `${message} (e.g. ${like}, regex used for validation is '${pattern}')`;
}

function checked(value: string, most: number, pattern: string, error: () => string): string[] {
  const errors: string[] = [];
  if (value.length > most) errors.push(`must be no more than ${most} characters`);
  if (!matches(pattern, value)) errors.push(error());
  return errors;
}

export const dns1123Label: NameCheck = (value) =>
  checked(value, 63, REGEXPS.label, () =>
    matches(REGEXPS.subdomain, value)
      ? 'must not contain dots'
      : regexpError(
          "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
          REGEXPS.label,
          'my-name',
          '123-abc',
        ),
  );

export const dns1123Subdomain: NameCheck = (value) =>
  checked(value, 253, REGEXPS.subdomain, () =>
    regexpError(
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
      REGEXPS.subdomain,
      'example.com',
    ),
  );

export const dns1035Label: NameCheck = (value) =>
  checked(value, 63, REGEXPS.label1035, () =>
    regexpError(
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
      REGEXPS.label1035,
      'my-name',
      'abc-123',
    ),
  );

export const wildcardSubdomain: NameCheck = (value) => {
  const pattern = `\\*\\.${REGEXPS.subdomain}`;
  return checked(value, 253, pattern, () =>
    regexpError(
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
      pattern,
      '*.example.com',
    ),
  );
};

const QUALIFIED_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** A label or annotation key: an optional DNS prefix, a slash, a name. */
export const qualifiedName: NameCheck = (value) => {
  const errors: string[] = [];
  const parts = value.split('/');
  let name = value;
  if (parts.length === 2) {
    const prefix = parts[0]!;
    name = parts[1]!;
    if (prefix === '') errors.push('prefix part must be non-empty');
    else errors.push(...dns1123Subdomain(prefix).map((error) => `prefix part ${error}`));
  } else if (parts.length > 2) {
    return [
      `a qualified name ${regexpError(QUALIFIED_RULE, QUALIFIED, 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (name.length > 63) errors.push('name part must be no more than 63 characters');
  if (!matches(QUALIFIED, name)) {
    errors.push(`name part ${regexpError(QUALIFIED_RULE, QUALIFIED, 'MyName', 'my.name', '123-abc')}`);
  }
  return errors;
};

export const labelValue: NameCheck = (value) =>
  checked(value, 63, REGEXPS.labelValue, () =>
    regexpError(
      `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
      REGEXPS.labelValue,
      'MyValue',
      'my_value',
      '12345',
    ),
  );

/** A port's name, IANA_SVC_NAME. */
export const portName: NameCheck = (value) => {
  const errors: string[] = [];
  if (value.length > 15) errors.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]*$/.test(value)) {
    errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)');
  if (value.includes('--')) errors.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) {
    errors.push('must not begin or end with a hyphen');
  }
  return errors;
};

export const envVarName: NameCheck = (value) => {
  const errors: string[] = [];
  if (!matches(REGEXPS.envVar, value)) {
    errors.push(
      regexpError(
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
        REGEXPS.envVar,
        'my.env-name',
        'MY_ENV.NAME',
        'MyEnvName1',
      ),
    );
  }
  return [...errors, ...dots(value)];
};

/** A key of a ConfigMap's or Secret's data. */
export const configMapKey: NameCheck = (value) => [
  ...checked(value, 253, REGEXPS.configKey, () =>
    regexpError(
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
      REGEXPS.configKey,
      'key.name',
      'KEY_NAME',
      'key-name',
    ),
  ),
  ...dots(value),
];

function dots(value: string): string[] {
  if (value === '.' || value === '..') return [`must not be '${value}'`];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

/** A name that is only a path segment (RBAC). */
export const pathSegment: NameCheck = (value) => {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((bad) => value.includes(bad)).map((bad) => `may not contain '${bad}'`);
};
