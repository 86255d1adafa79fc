import type { YAMLError } from 'yaml';

/** What the library says of the commonest slips, in our words and with what to do. */
const words: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  MULTIPLE_DOCS: 'a settings file is one document: remove this line and what follows',
  TAB_AS_INDENT: 'a tab stands before the text: indent with blanks',
  BAD_INDENT:
    'a bracket that was opened is not closed, or this is indented otherwise than the lines that it belongs to',
  BLOCK_AS_IMPLICIT_KEY:
    'a second colon in one line, or a line that is indented too far: quote a text that has ": " in it, or indent it as its neighbours',
  MULTILINE_IMPLICIT_KEY: 'a key and its colon stand in one line: is a colon missing, or a line indented too far?',
  BAD_SCALAR_START: 'a text cannot begin with this character: quote it',
};

export const describeYamlError = ({ code, message }: YAMLError): string => words[code] ?? message;
