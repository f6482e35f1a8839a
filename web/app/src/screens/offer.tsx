import { SimpleGrid, Text, UnstyledButton } from '@mantine/core'

import { t } from '../i18n'
import { firstTemplates, type TemplateID } from '../model/templates'

/** Three templates to begin with, where there is nothing yet. */
export function Offer({ use, only = firstTemplates }: { use: (id: TemplateID) => void; only?: TemplateID[] }) {
  if (only.length === 0) return null
  return (
    <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xs" role="group" aria-label={t('templates.title')}>
      {only.map((id) => (
        <UnstyledButton key={id} className="template" onClick={() => use(id)}>
          <Text fw={600} size="sm">{t(`templates.${id}`)}</Text>
          <Text size="xs">{t(`templates.${id}.why`)}</Text>
        </UnstyledButton>
      ))}
    </SimpleGrid>
  )
}
