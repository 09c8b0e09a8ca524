/* SPDX-License-Identifier: MIT */
/* AAPCS64: x19 to x30 and d8 to d15 belong to the caller; x0, x1, x2 are the arguments. */
        .text

        .macro  SAVE
        sub     sp, sp, #160
        .cfi_def_cfa_offset 160
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        .cfi_offset x19, -160
        .cfi_offset x20, -152
        .cfi_offset x21, -144
        .cfi_offset x22, -136
        .cfi_offset x23, -128
        .cfi_offset x24, -120
        .cfi_offset x25, -112
        .cfi_offset x26, -104
        .cfi_offset x27, -96
        .cfi_offset x28, -88
        .cfi_offset x29, -80
        .cfi_offset x30, -72
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        .endm

        .macro  RESTORE
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #160
        .cfi_def_cfa_offset 0
        .endm

        .globl  drey__arch_switch
        .hidden drey__arch_switch
        .type   drey__arch_switch, %function
        .globl  drey__arch_switch_off
        .hidden drey__arch_switch_off
        .type   drey__arch_switch_off, %function
        .p2align 4
drey__arch_switch:
drey__arch_switch_off:                  /* no jump: branch targets would need landing pads in the code of users */
        .cfi_startproc
        hint    #34                     /* bti c */
        SAVE
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        RESTORE
        mov     w0, #0                  /* what drey__arch_switch_off returns */
        ret
        .cfi_endproc
        .size   drey__arch_switch, . - drey__arch_switch

/* The first switch to a prepared stack returns here with the entry function in x19. */
        .type   start, %function
        .p2align 4
start:
        .cfi_startproc
        .cfi_undefined x30
        hint    #36                     /* bti j */
        mov     x29, #0
        mov     x30, #0
        blr     x19
        brk     #0
        .cfi_endproc
        .size   start, . - start

        .globl  drey__arch_prepare
        .hidden drey__arch_prepare
        .type   drey__arch_prepare, %function
        .p2align 4
drey__arch_prepare:
        .cfi_startproc
        hint    #34
        sub     x2, x0, #176
        stp     x1, xzr, [x2, #0]       /* x19 is the entry */
        stp     xzr, xzr, [x2, #16]
        stp     xzr, xzr, [x2, #32]
        stp     xzr, xzr, [x2, #48]
        stp     xzr, xzr, [x2, #64]
        adr     x3, start
        stp     xzr, x3, [x2, #80]      /* x29, x30 */
        stp     xzr, xzr, [x2, #96]
        stp     xzr, xzr, [x2, #112]
        stp     xzr, xzr, [x2, #128]
        stp     xzr, xzr, [x2, #144]
        mov     x0, x2
        ret
        .cfi_endproc
        .size   drey__arch_prepare, . - drey__arch_prepare

        .globl  drey__arch_call_on
        .hidden drey__arch_call_on
        .type   drey__arch_call_on, %function
        .p2align 4
drey__arch_call_on:
        .cfi_startproc
        hint    #34
        stp     x29, x30, [sp, #-16]!
        .cfi_def_cfa_offset 16
        .cfi_offset x29, -16
        .cfi_offset x30, -8
        mov     x29, sp
        .cfi_def_cfa_register x29
        mov     sp, x0
        mov     x0, x2
        blr     x1
        mov     sp, x29
        .cfi_def_cfa_register sp
        ldp     x29, x30, [sp], #16
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
        .size   drey__arch_call_on, . - drey__arch_call_on

/* From the call on, an unwinder finds the caller in what the switch has saved at x19. */
        .globl  drey__arch_call_behind
        .hidden drey__arch_call_behind
        .type   drey__arch_call_behind, %function
        .globl  drey__arch_given_up
        .hidden drey__arch_given_up
        .p2align 4
drey__arch_call_behind:
        .cfi_startproc
        hint    #34
        SAVE
        mov     x9, sp
        str     x9, [x3]
        mov     x19, x0
        mov     x0, x2
        .cfi_remember_state
        .cfi_def_cfa x19, 160
        blr     x1
        .cfi_restore_state
        b       1f
drey__arch_given_up:
        mov     w0, #-1
1:      RESTORE
        ret
        .cfi_endproc
        .size   drey__arch_call_behind, . - drey__arch_call_behind

        .section .note.GNU-stack, "", %progbits
