/* SPDX-License-Identifier: MIT */
/* System V AMD64: rbx, rbp, r12 to r15 belong to the caller; rdi, rsi, rdx are the arguments. */
        .text

/* What a called function must preserve, below its return address. */
        .macro  SAVE
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset rbp, -16
        pushq   %rbx
        .cfi_def_cfa_offset 24
        .cfi_offset rbx, -24
        pushq   %r12
        .cfi_def_cfa_offset 32
        .cfi_offset r12, -32
        pushq   %r13
        .cfi_def_cfa_offset 40
        .cfi_offset r13, -40
        pushq   %r14
        .cfi_def_cfa_offset 48
        .cfi_offset r14, -48
        pushq   %r15
        .cfi_def_cfa_offset 56
        .cfi_offset r15, -56
        .endm

        .macro  RESTORE
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        .cfi_def_cfa_offset 8
        .endm

/* Both begin and end alike, but for the very last step. */
        .macro  SWITCH
        .cfi_startproc
        endbr64
        SAVE
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        RESTORE
        xorl    %eax, %eax              /* what drey__arch_switch_off returns, whichever of the two comes back to it */
        .endm

        .globl  drey__arch_switch
        .hidden drey__arch_switch
        .type   drey__arch_switch, @function
        .p2align 4
drey__arch_switch:
        SWITCH
        ret
        .cfi_endproc
        .size   drey__arch_switch, . - drey__arch_switch

        .globl  drey__arch_switch_off
        .hidden drey__arch_switch_off
        .type   drey__arch_switch_off, @function
        .p2align 4
drey__arch_switch_off:
        SWITCH
        popq    %rcx
        .cfi_def_cfa_offset 0
        .cfi_register rip, rcx
        notrack jmp     *%rcx
        .cfi_endproc
        .size   drey__arch_switch_off, . - drey__arch_switch_off

/* Where gcc sends functions with DREY__RETURN_BY_JUMP for their return. */
        .globl  __x86_return_thunk
        .hidden __x86_return_thunk
        .type   __x86_return_thunk, @function
        .p2align 4
__x86_return_thunk:
        .cfi_startproc
        popq    %rcx
        .cfi_def_cfa_offset 0
        .cfi_register rip, rcx
        notrack jmp     *%rcx
        .cfi_endproc
        .size   __x86_return_thunk, . - __x86_return_thunk

/* The first switch to a prepared stack returns here with the entry function in rbx. */
        .type   start, @function
        .p2align 4
start:
        .cfi_startproc
        .cfi_undefined rip
        endbr64
        xorl    %ebp, %ebp
        call    *%rbx
        ud2
        .cfi_endproc
        .size   start, . - start

        .globl  drey__arch_prepare
        .hidden drey__arch_prepare
        .type   drey__arch_prepare, @function
        .p2align 4
drey__arch_prepare:
        .cfi_startproc
        endbr64
        leaq    start(%rip), %rax
        movq    %rax, -24(%rdi)         /* start is entered with a 16-aligned stack */
        movq    $0, -32(%rdi)           /* rbp */
        movq    %rsi, -40(%rdi)         /* rbx */
        movq    $0, -48(%rdi)           /* r12 to r15 */
        movq    $0, -56(%rdi)
        movq    $0, -64(%rdi)
        movq    $0, -72(%rdi)
        leaq    -72(%rdi), %rax
        ret
        .cfi_endproc
        .size   drey__arch_prepare, . - drey__arch_prepare

        .globl  drey__arch_call_on
        .hidden drey__arch_call_on
        .type   drey__arch_call_on, @function
        .p2align 4
drey__arch_call_on:
        .cfi_startproc
        endbr64
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register rbp
        movq    %rdi, %rsp
        movq    %rdx, %rdi
        call    *%rsi
        movq    %rbp, %rsp
        popq    %rbp
        .cfi_def_cfa rsp, 8
        ret
        .cfi_endproc
        .size   drey__arch_call_on, . - drey__arch_call_on

/* From the call on, an unwinder finds the caller in what the switch has saved at %rbx. */
        .globl  drey__arch_call_behind
        .hidden drey__arch_call_behind
        .type   drey__arch_call_behind, @function
        .globl  drey__arch_given_up
        .hidden drey__arch_given_up
        .p2align 4
drey__arch_call_behind:
        .cfi_startproc
        endbr64
        SAVE
        subq    $8, %rsp
        .cfi_def_cfa_offset 64
        movq    %rsp, (%rcx)
        movq    %rdi, %rbx
        movq    %rdx, %rdi
        .cfi_remember_state
        .cfi_def_cfa rbx, 56
        call    *%rsi
        .cfi_restore_state
        jmp     1f
drey__arch_given_up:
        movl    $-1, %eax
1:      addq    $8, %rsp
        .cfi_def_cfa_offset 56
        RESTORE
        ret
        .cfi_endproc
        .size   drey__arch_call_behind, . - drey__arch_call_behind

        .section .note.GNU-stack, "", @progbits
        .section .note.gnu.property, "a"
        .p2align 3
        .long   4, 16, 5                /* name and value sizes, NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .long   0xc0000002, 4, 1, 0     /* x86 feature: indirect branch tracking */
