/* SPDX-License-Identifier: MIT */
/* Every statement that is prepared once a connection. The schema is schema.c's. */
#pragma once

/* What revisions are read by; `r` is the revision, `c` its context, `p` its parent. */
#define SQ_REVISION_COLUMNS                                                                              \
    "r.rev, r.seq, r.op, c.created_at, r.at, r.expires_at, r.name, p.id, r.metadata, r.source, r.data, " \
    "r.fingerprint, c.id, r.rid"
#define SQ_REVISION_FROM " FROM revisions r JOIN contexts c ON c.num=r.num LEFT JOIN contexts p ON p.num=r.parent "
#define SQ_PROJECT_COLUMNS "project, seq, pruned_seq, live, bytes, max_live, max_bytes, created_at, name"

/* What a list goes through: a revision's key and what filters look at, then how its context stands now. A head can be
 * judged without its revision. */
#define SQ_CANDIDATE_COLUMNS \
    "r.rid, r.seq, r.num, r.rev, r.at, r.name, r.parent, r.op, c.rev, c.seq, c.state, c.expires_at"
#define SQ_CANDIDATE_FROM " FROM revisions r CROSS JOIN contexts c ON c.num=r.num "
#define SQ_CANDIDATE_HEAD                                                                                       \
    "head, seq, num, rev, updated_at, name, parent, iif(state=0,'create','delete'), rev, seq, state, expires_at " \
    "FROM contexts "

#define SQ_STATEMENTS(X)                                                                                     \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                                        \
    X(BEGIN_READ, "BEGIN")                                                                                   \
    X(COMMIT, "COMMIT")                                                                                      \
    X(ROLLBACK, "ROLLBACK")                                                                                  \
    X(SAVE, "SAVEPOINT one")                                                                                 \
    X(KEEP, "RELEASE one")                                                                                   \
    X(REVERT, "ROLLBACK TO one")                                                                             \
    X(META_GET, "SELECT value FROM meta WHERE key=?1")                                                       \
    X(META_PUT, "INSERT INTO meta(key,value) VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET value=?2")         \
    X(LAST_RID, "SELECT seq FROM sqlite_sequence WHERE name='revisions'")                                    \
    X(PROJECT_GET, "SELECT " SQ_PROJECT_COLUMNS " FROM projects WHERE name=?1")                              \
    X(PROJECTS, "SELECT " SQ_PROJECT_COLUMNS " FROM projects WHERE name>?1 ORDER BY name LIMIT ?2")          \
    X(PROJECT_ADD, "INSERT INTO projects(name,seq,pruned_seq,live,bytes,max_live,max_bytes,created_at) "     \
                   "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)")                                                        \
    X(PROJECT_SET, "UPDATE projects SET seq=?2,pruned_seq=?3,live=?4,bytes=?5,max_live=?6,max_bytes=?7 "     \
                   "WHERE project=?1")                                                                       \
    X(HEAD, "SELECT c.num, c.state, c.rev, c.seq, c.bytes, c.created_at, c.updated_at, c.expires_at, p.id "  \
            "FROM contexts c LEFT JOIN contexts p ON p.num=c.parent WHERE c.project=?1 AND c.id=?2")         \
    X(CONTEXT_NUM, "SELECT num FROM contexts WHERE project=?1 AND id=?2")                                    \
    X(CONTEXT_ADD, "INSERT INTO contexts(project,id,state,rev,head,seq,parent,name,bytes,created_at,"        \
                   "updated_at,expires_at) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)")                  \
    X(CONTEXT_SET, "UPDATE contexts SET state=?2,rev=?3,head=?4,seq=?5,parent=?6,name=?7,bytes=?8,"          \
                   "created_at=?9,updated_at=?10,expires_at=?11 WHERE num=?1")                               \
    X(CHILD, "SELECT num, id FROM contexts WHERE parent=?1 AND num>?2 AND state=0 "                          \
             "AND (expires_at IS NULL OR expires_at>?3) ORDER BY num LIMIT 1")                               \
    X(EXPIRED, "SELECT p.project, p.seq, pruned_seq, live, p.bytes, max_live, max_bytes, p.created_at, p.name, c.id " \
               "FROM contexts c INDEXED BY contexts_expiry CROSS JOIN projects p ON p.project=c.project "    \
               "WHERE c.state=0 AND c.expires_at<=?1 ORDER BY c.expires_at LIMIT 1")                         \
    X(REVISION_ADD, "INSERT INTO revisions(rid,project,seq,num,rev,op,at,source,name,parent,expires_at,"     \
                    "metadata,fingerprint,data) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)")     \
    X(REVISION_GET, "SELECT " SQ_REVISION_COLUMNS SQ_REVISION_FROM "WHERE r.num=?1 AND r.rev=?2")            \
    X(REVISION_OF, "SELECT " SQ_REVISION_COLUMNS SQ_REVISION_FROM                                            \
                   "WHERE c.project=?1 AND c.id=?2 AND r.rev=?3")                                            \
    X(REVISION_AT, "SELECT " SQ_REVISION_COLUMNS SQ_REVISION_FROM "WHERE r.rid=?1")                          \
    X(REVISION_DROP, "DELETE FROM revisions WHERE rid=?1")                                                   \
    X(OLDEST, "SELECT rev, seq, at, data, metadata FROM revisions WHERE num=?1 AND rev>?2 "                  \
              "ORDER BY rev LIMIT 1")                                                                        \
    X(OPERATION_GET, "SELECT request, seq, expires_at FROM ops WHERE project=?1 AND principal=?2 AND key=?3") \
    X(OPERATION_PUT, "INSERT OR REPLACE INTO ops(project,principal,key,request,seq,expires_at) "             \
                     "VALUES(?1,?2,?3,?4,?5,?6)")                                                            \
    X(OPERATIONS_EXPIRE, "DELETE FROM ops WHERE (project,principal,key) IN "                                 \
                         "(SELECT project,principal,key FROM ops WHERE expires_at<=?1 LIMIT ?2)")            \
    X(HEAD_REVISION, "SELECT " SQ_REVISION_COLUMNS " FROM contexts c "                \
                     "JOIN revisions r ON r.rid=c.head LEFT JOIN contexts p ON p.num=r.parent "              \
                     "WHERE c.project=?1 AND c.id=?2")                                                       \
    X(HISTORY, "SELECT " SQ_REVISION_COLUMNS SQ_REVISION_FROM "WHERE r.num=?1 AND r.rev<?2 ORDER BY r.rev DESC") \
    X(CHANGES, "SELECT " SQ_REVISION_COLUMNS SQ_REVISION_FROM "WHERE r.project=?1 AND r.seq>?2 ORDER BY r.seq") \
    X(NEXT_SEQ, "SELECT seq FROM revisions WHERE num=?1 AND rev>?2 ORDER BY rev LIMIT 1")                            \
    X(HEADS_DOWN, "SELECT " SQ_CANDIDATE_HEAD "INDEXED BY contexts_seq WHERE project=?1 AND seq<?2 ORDER BY seq DESC") \
    X(CHILDREN_DOWN, "SELECT " SQ_CANDIDATE_HEAD "INDEXED BY contexts_parent WHERE parent=?3 AND project=?1 " \
                     "AND seq<?2 ORDER BY +seq DESC") \
    X(CHILDREN_COUNT, "SELECT count(*) FROM (SELECT 1 FROM contexts WHERE parent=?1 LIMIT ?2)")              \
    X(LOG_DOWN, "SELECT " SQ_CANDIDATE_COLUMNS SQ_CANDIDATE_FROM                                             \
                "WHERE r.project=?1 AND r.seq<?2 ORDER BY r.seq DESC")                                       \
    X(IDS_UP, "SELECT id, " SQ_CANDIDATE_HEAD "WHERE project=?1 AND id>?2 ORDER BY id") \
    X(NEWEST_UNTIL, "SELECT " SQ_CANDIDATE_COLUMNS SQ_CANDIDATE_FROM                                         \
                    "WHERE r.num=?1 AND r.seq<=?2 ORDER BY r.rev DESC LIMIT 1")                              \
    X(RID_BEFORE, "SELECT rid FROM revisions WHERE project=?1 AND seq<?2 ORDER BY seq DESC LIMIT 1")         \
    X(TAIL_DOWN, "SELECT " SQ_CANDIDATE_COLUMNS ", c.id, r.metadata, r.data" SQ_CANDIDATE_FROM                    \
                 "WHERE r.rid>?1 AND r.rid<=?2 AND r.project=?3 ORDER BY r.rid DESC")                        \
    X(INDEX_DOWN, "SELECT rowid FROM search WHERE search MATCH ?1 AND rowid<=?2 ORDER BY rowid DESC")        \
    X(CANDIDATE_AT, "SELECT " SQ_CANDIDATE_COLUMNS SQ_CANDIDATE_FROM "WHERE r.rid=?1")                       \
    X(INDEX_NEXT, "SELECT r.rid, pr.name, c.id, r.name, r.metadata, r.data FROM revisions r "                \
                  "CROSS JOIN contexts c ON c.num=r.num CROSS JOIN projects pr ON pr.project=r.project "     \
                  "WHERE r.rid>?1 ORDER BY r.rid LIMIT ?2")                                                  \
    X(INDEX_ADD, "INSERT INTO search(rowid,project,name,body,paths) VALUES(?1,?2,?3,?4,?5)")                 \
    X(INDEX_DROP, "INSERT INTO search(search,rowid,project,name,body,paths) VALUES('delete',?1,?2,?3,?4,?5)") \
    X(INDEX_MERGE, "INSERT INTO search(search,rank) VALUES('merge',?1)")                                     \
    X(INDEX_CLEAR, "INSERT INTO search(search) VALUES('delete-all')")                                        \
    X(INDEX_CHECK, "INSERT INTO search(search,rank) VALUES('integrity-check',0)")                            \
    X(INDEX_SEGMENTS, "SELECT count(DISTINCT segid) FROM search_idx")                                        \
    X(TOTALS, "SELECT count(*), coalesce(sum(live),0), coalesce(sum(bytes),0) FROM projects")

#define SQ_STATEMENT_NAME(name, text) SQ_SQL_##name,
typedef enum sq_sql { SQ_STATEMENTS(SQ_STATEMENT_NAME) SQ_SQL_COUNT } sq_sql;
#undef SQ_STATEMENT_NAME
