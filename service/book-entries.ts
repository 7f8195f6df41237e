import { randomBytes } from 'node:crypto'
import type { Queryable } from './database.ts'
import { newId } from './entity-id.ts'
import { slices } from './signal-rows.ts'

/** Who caused a row, and in which trace. */
export interface Author {
  /** Of the API key; `local` where none is needed. */
  user: string
  traceId: string | null
}

export interface Notice {
  /** Of the campaign, whose user is told. */
  campaign: string
  type: 'signal_generated' | 'risk_warning' | 'emergency_exit' | 'system_error'
  priority: 'info' | 'warning' | 'critical'
  title: string
  message: string
  metadata: Record<string, unknown>
}

export async function notify(database: Queryable, notices: readonly Notice[]): Promise<void> {
  for (const part of slices(notices)) {
    await database.execute({
      name: 'notifications.insert',
      text: `INSERT INTO notifications (id, user_id, notification_type, priority, title, message, metadata)
      SELECT notice.id, campaigns.user_id, notice.type, notice.priority, notice.title, notice.message, notice.metadata
      FROM jsonb_to_recordset($1::JSONB) AS notice (id UUID, campaign UUID, type TEXT, priority TEXT, title TEXT,
        message TEXT, metadata JSONB)
      JOIN campaigns ON campaigns.id = notice.campaign`,
      values: [JSON.stringify(part.map((notice) => ({ id: freshId(), ...notice })))],
    })
  }
}

export interface AuditEntry {
  action: string
  entityType: string
  entityId: string
  details: Record<string, unknown>
}

export async function audit(
  database: Queryable,
  { user, traceId }: Author,
  entries: readonly AuditEntry[],
): Promise<void> {
  for (const part of slices(entries)) {
    await database.execute({
      name: 'audit.insert',
      text: `INSERT INTO audit_logs (id, user_id, action_type, entity_type, entity_id, details, trace_id)
      SELECT id, $2, action, entity_type, entity_id, details, $3
      FROM jsonb_to_recordset($1::JSONB) AS entry (id UUID, action TEXT, entity_type TEXT, entity_id UUID, details JSONB)`,
      values: [
        JSON.stringify(
          part.map(({ action, entityType, entityId, details }) => ({
            id: freshId(),
            action,
            entity_type: entityType,
            entity_id: entityId,
            details,
          })),
        ),
        user,
        traceId,
      ],
    })
  }
}

function freshId(): string {
  return newId(Date.now(), randomBytes(16))
}
